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
# What Node makes of the TypeScript is kept with the data: the program's own folder is not the user's to write.
ENV DATA_DIR=/data ENERGY_SITES_DIR=/sites NODE_COMPILE_CACHE=/data/compiled
VOLUME ["/data"]
CMD ["node", "--v8-pool-size=0", "--max-semi-space-size=16", "--max-old-space-size=1536", "--heap-growing-percent=25", "--scavenger-max-new-space-capacity-mb=1", "deploy/main.ts"]
