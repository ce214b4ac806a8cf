//! What only this mesh knows.

names! {
    /// Counter, `{retry}`: retries that policy allowed and the budget did not.
    CLIENT_SUPPRESSED_RETRIES = "mesh.client.suppressed_retries";
    /// Counter, `{request}`: requests that a server turned away to stay alive.
    SERVER_SHED_REQUESTS = "mesh.server.shed_requests";
    /// Up-down counter: 1 for the state that a breaker is in, 0 for the others.
    BREAKER_STATUS = "mesh.breaker.status";

    /// Attribute of [`BREAKER_STATUS`]: `closed`, `open`, `half_open`.
    BREAKER_STATE = "mesh.breaker.state";
}
