#!/bin/sh
# Part of npm's "prepack" script: package.json as the command-line tool needs it, which is all that is packed. "postpack"
# puts the project's back.
set -eu
cp -p package.json project.package.json
npm pkg --no-json set bin.dicom-load-balancer=dist/cli.js
npm pkg --no-json delete scripts workspaces allowScripts devDependencies \
    dependencies.haproxy-spoe dependencies.fastify dependencies.@fastify/swagger \
    dependencies.pino dependencies.prom-client
