//! What every service needs beside the mesh: configuration, start and drain, embedded engine, read-through cache.
