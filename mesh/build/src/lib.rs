//! Compiles .proto files to tonic code and a policy table; an unsafe contract does not compile.
