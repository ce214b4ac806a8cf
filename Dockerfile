# syntax=docker/dockerfile:1
# The programs, each in an image of its own, out of one build:
#   docker build --target user-service -t user-service .
# and so for payment-service, notification-service and provider-sandbox.

FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
# One build for all of them: they share most of what is compiled. What cargo downloads and builds lies in caches that
# outlive the build, so a change compiles what it touches and no more.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --profile dist --locked -p user -p payment -p notification -p provider-sandbox --bins \
    && mkdir /programs \
    && cp target/dist/user-service target/dist/payment-service target/dist/notification-service \
          target/dist/provider-sandbox /programs/ \
    # The data folder of all of them, which a volume may lie upon.
    && mkdir /data && chown 65532:65532 /data

# glibc and the C runtime are all that the programs need: no shell, no package manager, and a user that is nobody.
FROM gcr.io/distroless/cc-debian12:nonroot AS base
COPY --from=build --chown=65532:65532 /data /var/lib/mesh
WORKDIR /var/lib/mesh
USER 65532:65532

FROM base AS provider-sandbox
COPY --from=build /programs/provider-sandbox /usr/local/bin/
EXPOSE 50054
ENTRYPOINT ["/usr/local/bin/provider-sandbox"]

FROM base AS user-service
COPY --from=build /programs/user-service /usr/local/bin/
EXPOSE 50051
ENTRYPOINT ["/usr/local/bin/user-service"]

FROM base AS payment-service
COPY --from=build /programs/payment-service /usr/local/bin/
EXPOSE 50052
ENTRYPOINT ["/usr/local/bin/payment-service"]

FROM base AS notification-service
COPY --from=build /programs/notification-service /usr/local/bin/
EXPOSE 50053
ENTRYPOINT ["/usr/local/bin/notification-service"]
