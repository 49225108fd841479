# syntax=docker/dockerfile:1
# The collector as an image: docs/collector.md says how to run it.
ARG NODE_IMAGE=node:20-bookworm-slim
ARG BASE_IMAGE=debian:bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /build
# Packages first, by npm ci: a change of the sources does not fetch them again.
COPY package.json package-lock.json .npmrc tsconfig.json ./
COPY scripts/setup.mjs ./scripts/
RUN node --eval "import('./scripts/setup.mjs').then(({ ensureInstalled }) => ensureInstalled())"
COPY scripts ./scripts
COPY src ./src
# The demo's payloads are in the program.
COPY test/fixtures ./test/fixtures
RUN node scripts/compile.mjs && mkdir --mode=0700 /data

FROM ${BASE_IMAGE}
LABEL org.opencontainers.image.title="claude-slack-hook collector" \
      org.opencontainers.image.description="Takes hook events of coding agents over HTTP, keeps them and shows them" \
      org.opencontainers.image.source="https://github.com/neokn/claude-slack-hook" \
      org.opencontainers.image.licenses="MIT"
COPY LICENSE /usr/share/doc/claude-slack-hook/LICENSE
COPY --from=build /build/dist/bin/claude-slack-hook /usr/local/bin/claude-slack-hook
# The one place that is written to: keys, and events where there is no PostgreSQL.
COPY --from=build --chown=10001:10001 /data /data
VOLUME /data
WORKDIR /data
ENV HOST=0.0.0.0 \
    PORT=8080 \
    HOME=/data \
    XDG_STATE_HOME=/data/state \
    JSONL_PATH=/data/events/events.jsonl
USER 10001:10001
EXPOSE 8080
STOPSIGNAL SIGTERM
# bash can ask by itself: no curl in the image. Of /health, which is 503 while the store cannot be used.
HEALTHCHECK --interval=30s --timeout=5s --start-period=15s --start-interval=1s --retries=3 \
  CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/\"$PORT\" && printf 'GET /health HTTP/1.0\\r\\nHost: localhost\\r\\n\\r\\n' >&3 && read -r line <&3 && [[ $line == *' 200 '* ]]"]
ENTRYPOINT ["claude-slack-hook"]
CMD ["collect"]
