# One image for all processes of the application. The command selects the process.
FROM node:26-bookworm-slim

ENV NODE_ENV=production
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# The image has the current Node. The package `node` and other development packages are left out.
RUN npm ci --omit=dev && npm cache clean --force
COPY . .
# For `docker compose run --rm operator …`, and `docker compose exec keeper-1 flashsale …` in the demo.
RUN ln -s /app/ops/flashsale.mjs /usr/local/bin/flashsale
# A new volume here belongs to the user who renders the configuration of the edge.
RUN install --directory --owner=node --group=node /edge

USER node
ENV HOST=0.0.0.0 PORT=8080 MONITOR_HOST=0.0.0.0 MONITOR_PORT=9100
EXPOSE 8080
# Without Node: a Node for each check of each process would take a quarter of a core.
HEALTHCHECK --interval=5s --timeout=3s --start-period=60s --retries=6 CMD ["bash", "-c", \
  "exec 3<>/dev/tcp/127.0.0.1/9100 && printf 'GET /readyz HTTP/1.0\\r\\n\\r\\n' >&3 && read -r _ status _ <&3 && [[ $status = 200 ]]"]
CMD ["node", "server/main.ts"]
