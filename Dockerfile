# The server in an image of its own: the program, the C library it is linked with, certificate roots, and nothing else: no
# shell, no package manager. OpenSSL, SQLite and TLS are built in. Build with BuildKit: docker build -t tenure .

FROM rust:1.95-slim-bookworm AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates gcc libc6-dev make perl
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --bin tenure \
    && install -D target/release/tenure /image/usr/bin/tenure
# What the program needs at run time, where the loader looks for it: glibc's name service is inside libc since 2.34.
RUN ldd /image/usr/bin/tenure | grep -o '/[^ ]*' | xargs -I{} install -D {} /image{} \
    && install -D -m 644 /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/ca-certificates.crt \
    && install -D -m 644 -t /image/usr/share/doc/tenure LICENSE-APACHE LICENSE-MIT \
    && install -d -m 1777 /image/tmp \
    && install -d /data

FROM scratch
LABEL org.opencontainers.image.title="Tenure" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0"
COPY --from=build /image /
COPY --from=build --chown=65532:65532 /data /var/lib/tenure
# Numeric, so that Kubernetes can see that it isn't root.
USER 65532:65532
WORKDIR /var/lib/tenure
ENV TENURE_LISTEN=0.0.0.0:8080 \
    TENURE_OPS_LISTEN=0.0.0.0:9090 \
    TENURE_LOG_FORMAT=json
EXPOSE 8080 9090
VOLUME /var/lib/tenure
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/bin/tenure"]
CMD ["serve"]
