# The same set-up as a clone: packages from the lockfile, dashboard built, then only what runs.
FROM node:24-slim AS build
WORKDIR /app
COPY . .
RUN node deploy/setup.mjs start && npm prune --omit=dev --omit=optional --no-audit --no-fund

FROM node:24-slim
WORKDIR /app
COPY --from=build /app /app
RUN mkdir /data /sites && chown node:node /data
USER node
ENV DATA_DIR=/data ENERGY_SITES_DIR=/sites
VOLUME ["/data"]
CMD ["node", "deploy/main.ts"]
