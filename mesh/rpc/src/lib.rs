//! The client stack and the server stack of the mesh, over hyper's HTTP/2.
