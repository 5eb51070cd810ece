# docker build -t beamgate .
# docker build -t beamgate:xrt  --build-arg VARIANT=xrt  .     Xilinx and Intel boards, emulated ones too
# docker build -t beamgate:cuda --build-arg VARIANT=cuda .     NVIDIA cards
#
# docker run --read-only --tmpfs /tmp --shm-size=1g -p 8000-8002:8000-8002 \
#   -v /my/models:/models:ro beamgate serve --model-repository /models --insecure-no-auth
#
# Without a file of tenants nobody is authenticated, so the gateway refuses to listen
# beyond loopback until the operator says that this is intended: --insecure-no-auth (or
# BEAMGATE_SERVER_INSECURE_NO_AUTH=true). The image does not say it for them.
#
# The root may be read-only. Written are /tmp (scratch), /dev/shm (tensors on their way to
# the workers: Docker's 64 MB are too few), and what --registry-folder and
# --tenancy-folder name.
#
# It takes tritonserver's flags and is installed under its name too, so that a
# command line written for Triton's image starts it: docker run --init ... --entrypoint
# tritonserver beamgate --model-repository=/models --insecure-no-auth

ARG VARIANT=cpu

FROM node:24-bookworm-slim AS node

FROM node AS build
ARG VARIANT
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci
# ONNX Runtime's CUDA provider is not in its npm package: its own script fetches it.
# hadolint ignore=DL3059
RUN if [ "$VARIANT" = cuda ]; then \
      ONNXRUNTIME_NODE_INSTALL=cuda12 node node_modules/onnxruntime-node/script/install.js; \
    fi
COPY tsconfig.json ./
COPY proto proto
COPY backends backends
COPY src src
COPY loadtest loadtest
COPY models models
# What is in the image, for whoever looks for holes in it: /app/dist/sbom.cdx.json.
RUN node node_modules/typescript-7/bin/tsc --build . src/http/dashboard/app && npm run -s sbom > dist/sbom.cdx.json && npm prune --omit=dev

FROM node AS host-cpu
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install -y --no-install-recommends tini \
 && rm -rf /var/lib/apt/lists/*

FROM node AS host-xrt
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install -y --no-install-recommends tini libxrt1 pocl-opencl-icd ocl-icd-libopencl1 \
 && rm -rf /var/lib/apt/lists/*

FROM nvidia/cuda:12.6.3-cudnn-runtime-ubuntu24.04 AS host-cuda
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install -y --no-install-recommends tini \
 && rm -rf /var/lib/apt/lists/*
COPY --from=node /usr/local/bin/node /usr/local/bin/node

# hadolint ignore=DL3006
FROM host-${VARIANT}
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
COPY src/http/dashboard/app src/http/dashboard/app
COPY LICENSE README.md ./
# A volume that is new takes the owner of the folder that it is mounted on.
RUN ln -s /app/src/cli/beamgate.mjs /usr/local/bin/beamgate \
 && ln -s /app/src/cli/beamgate.mjs /usr/local/bin/tritonserver \
 && install -d -o 1000 -g 1000 /var/lib/beamgate
# Compiled kernels of OpenCL are kept under XDG_CACHE_HOME, and the home may be read-only.
ENV NODE_ENV=production \
    XDG_CACHE_HOME=/tmp/cache \
    BEAMGATE_GRPC_ADDRESS=0.0.0.0 \
    BEAMGATE_HTTP_ADDRESS=0.0.0.0
EXPOSE 8000 8001 8002
# By number, so that Kubernetes can see that it is not root.
USER 1000:1000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8000/v2/health/ready').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
STOPSIGNAL SIGTERM
# What a worker has started outlives it as a child of process 1, which has to take note of its end: Node does not.
ENTRYPOINT ["/usr/bin/tini", "--", "node", "src/cli/beamgate.mjs"]
CMD ["serve"]
