# docker build -t beamgate .
# docker run --shm-size=1g -p 8000-8002:8000-8002 -v /my/models:/models:ro beamgate \
#   serve --model-repository /models --insecure-no-auth
#
# Nobody is authenticated yet, so the gateway refuses to listen beyond loopback
# until the operator says that this is intended: --insecure-no-auth (or
# BEAMGATE_SERVER_INSECURE_NO_AUTH=true). The image does not say it for them.
#
# It takes tritonserver's flags and is installed under its name too, so that a
# command line written for Triton's image starts it: docker run ... --entrypoint
# tritonserver beamgate --model-repository=/models --insecure-no-auth
#
# Tensors travel to the workers through /dev/shm: Docker's 64 MB are too few.

FROM node:24-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY tsconfig.json ./
COPY proto proto
COPY backends backends
COPY src src
COPY loadtest loadtest
COPY models models
RUN npx tsc --build && npm prune --omit=dev

FROM node:24-bookworm-slim
WORKDIR /app
COPY --from=build /build/package.json ./
COPY --from=build /build/node_modules node_modules
COPY --from=build /build/dist dist
COPY --from=build /build/proto proto
COPY --from=build /build/models models
COPY --from=build /build/loadtest/report/page loadtest/report/page
COPY --from=build /build/loadtest/scenarios loadtest/scenarios
COPY src/cli/beamgate.mjs src/cli/beamgate.mjs
COPY src/shared-state/scripts src/shared-state/scripts
COPY src/telemetry/runbook src/telemetry/runbook
COPY LICENSE README.md ./
RUN ln -s /app/src/cli/beamgate.mjs /usr/local/bin/beamgate \
 && ln -s /app/src/cli/beamgate.mjs /usr/local/bin/tritonserver
ENV NODE_ENV=production \
    BEAMGATE_GRPC_ADDRESS=0.0.0.0 \
    BEAMGATE_HTTP_ADDRESS=0.0.0.0
EXPOSE 8000 8001 8002
USER node
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8000/v2/health/ready').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["node", "src/cli/beamgate.mjs"]
CMD ["serve"]
