//! One Envoy between tonic's client and tonic's server, as a sidecar would stand there: one worker, HTTP/2 on both
//! sides, no filter but the router.

use std::{net::SocketAddr, path::Path};

/// Its configuration: listens at one address, calls another.
pub(crate) fn config(listen: SocketAddr, upstream: SocketAddr) -> String {
    let address = |address: SocketAddr| {
        format!("{{ socket_address: {{ address: {}, port_value: {} }} }}", address.ip(), address.port())
    };
    format!(
        r#"static_resources:
  listeners:
  - address: {listen}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: calls
          codec_type: HTTP2
          route_config:
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes: [{{ match: {{ prefix: "/" }}, route: {{ cluster: server, timeout: 5s }} }}]
          http_filters:
          - name: envoy.filters.http.router
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
  clusters:
  - name: server
    type: STATIC
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: {{ http2_protocol_options: {{}} }}
    load_assignment:
      cluster_name: server
      endpoints: [{{ lb_endpoints: [{{ endpoint: {{ address: {upstream} }} }}] }}]
"#,
        listen = address(listen),
        upstream = address(upstream),
    )
}

/// The program with its arguments.
pub(crate) fn command(program: &Path, config: &Path) -> tokio::process::Command {
    let mut command = tokio::process::Command::new(program);
    command.arg("--config-path").arg(config);
    command.args(["--concurrency", "1", "-l", "error", "--disable-hot-restart"]);
    command
}
