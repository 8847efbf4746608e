# The DICOM load balancer. `make help` lists what there is.

# Node.js from node_modules: the machine's own may be too old to run TypeScript
export PATH := $(CURDIR)/node_modules/.bin:$(PATH):/usr/sbin:/sbin

HAPROXY_BIN ?= haproxy
export HAPROXY_BIN

.DEFAULT_GOAL := help

.PHONY: help
help: ## This list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: ## Install what is missing: HAProxy and DCMTK from the system's packages, the npm packages
	@deploy/local/packages.sh $(HAPROXY_BIN)=haproxy storescp=dcmtk
	@$(MAKE) -s node_modules/.package-lock.json

node_modules/.package-lock.json: package.json package-lock.json agent/haproxy-spoe/package.json
	npm ci --no-fund --no-audit --loglevel=error
	@touch $@

.PHONY: test-setup
test-setup: setup ## Install what only the tests need, where it is missing: Orthanc, GDCM, odil, promtool, ...
	@deploy/local/packages.sh Orthanc=orthanc gdcmscu=libgdcm-tools odil=odil \
		promtool=prometheus dnsmasq=dnsmasq-base openssl=openssl chromium=chromium \
		xmllint=libxml2-utils nft=nftables ip=iproute2 '/usr/lib/*/rsyslog/lmnsd_gtls.so=rsyslog-gnutls'

.PHONY: run
run: setup ## Start the balancer with demo PACS nodes; Ctrl-C stops everything
	@exec node deploy/local/run.ts

.PHONY: send
send: ## Send the samples through the running balancer, and print where each went
	@node deploy/local/send.ts

.PHONY: build
build: ## Build the agent's image
	docker compose build

.PHONY: up
up: ## Start the balancer in containers, in the background, and wait until all is well
	docker compose up --detach --build --wait

.PHONY: down
down: ## Stop the containers, and remove them with what the demo's PACS nodes and Prometheus have kept
	docker compose --profile '*' down --volumes --remove-orphans

.PHONY: logs
logs: ## Follow the containers' logs
	docker compose logs --follow

# in the containers where they run, else with the HAProxy of `make run` or STATE_DIR
OPERATE = $(if $(shell docker compose ps -q haproxy 2>/dev/null),docker compose run --rm operate,node deploy/local/operate.ts)

.PHONY: reload
reload: ## Take the pools in as their file is now; no association is lost
	@$(OPERATE) reload

.PHONY: drain ready
drain: ## Send a PACS node nothing new, and wait until it is idle: SERVER=pool/name
	@$(OPERATE) drain "$(SERVER)"
ready: ## Send it associations again: SERVER=pool/name
	@$(OPERATE) ready "$(SERVER)"

.PHONY: check-rules
check-rules: setup ## Check the rules in agent/rules, and run their own tests
	@node agent/cli.ts check
	@node agent/cli.ts test

.PHONY: rules-schema
rules-schema: setup ## Write agent/rules.schema.json anew, from which editors complete
	@node agent/cli.ts schema > agent/rules.schema.json

# 50 associations a second need the machine for themselves
ZERO_DOWNTIME = node --test test/e2e/zero-downtime.test.ts

.PHONY: test
test: test-setup lint ## Check and test everything
	node --test --test-concurrency=2 'test/!(compose|kubernetes|vrrp)/**/!(zero-downtime).test.ts'
	$(ZERO_DOWNTIME)

.PHONY: test-e2e
test-e2e: test-setup ## Only the tests with a real HAProxy, HAPROXY_BIN=... for another one
	node --test --test-concurrency=2 'test/{abuse,e2e,services}/**/!(zero-downtime).test.ts' \
		'test/haproxy-spoe/{real-haproxy,package}.test.ts' test/audit/agent.test.ts
	$(ZERO_DOWNTIME)

.PHONY: test-compose
test-compose: setup ## Only the tests of docker-compose.yml and of the pod of deploy/kubernetes, with the Docker engine that runs here
	node --test 'test/{compose,kubernetes}/*.test.ts'

.PHONY: test-vrrp
test-vrrp: setup ## Only the test of an address that moves between two machines, as root: in network namespaces
	@deploy/local/packages.sh keepalived=keepalived ip=iproute2 curl=curl
	node --test 'test/vrrp/*.test.ts'

.PHONY: abuse
abuse: setup ## 60,000 clients with mistakes at random, 1,000 silent, slow or flooding ones at a time, and 70,000 frames for an agent, in about nine minutes
	ABUSE_MUTATIONS=10000 ABUSE_CLIENTS=1000 ABUSE_SECONDS=30 \
		node --test --test-concurrency=1 'test/abuse/hostile-{clients,haproxy}.test.ts'

.PHONY: soak
soak: setup ## An hour of mixed load, hostile peers and faults, SOAK_MINUTES=... for another time
	node test/abuse/soak.ts

.PHONY: bench bench-page bench-rules bench-guard bench-sizing
bench: bench-page bench-rules bench-guard bench-sizing ## Measure everything, in about forty minutes
bench-page: setup ## Measure against what a user would pick instead, and write docs/benchmarks.md, in about 17
	@deploy/local/packages.sh nginx=nginx '/usr/lib/nginx/modules/ngx_stream_module.so=libnginx-mod-stream' \
		'/usr/lib/nginx/modules/ngx_stream_js_module.so=libnginx-mod-stream-js' Orthanc=orthanc wrk=wrk
	@node test/bench/main.ts
bench-rules: setup ## Measure decisions by up to 10,000 rules
	@node test/bench/rules.ts
bench-guard: test-setup ## Measure the guard of later datasets, also over links of 1 and 10 Gbit/s
	@node test/bench/guard.ts
bench-sizing: setup ## Measure what an association needs of HAProxy and of an agent
	@node test/bench/sizing.ts

.PHONY: screenshots
screenshots: test-setup ## Make the pictures of the console in docs/images anew
	node test/console/screenshots.ts

.PHONY: monitoring-page
monitoring-page: test-setup ## Write docs/monitoring.md anew: what Prometheus answers to the dashboard of Grafana
	node test/monitoring/page.ts
	biome format --write docs/monitoring.md

.PHONY: lint
lint: setup ## Types, formatting and lint
	biome check .
	tsc

.PHONY: format
format: setup ## Format the sources
	biome check --write .

.PHONY: show-version
show-version: ## The version
	@node -p "require('./package.json').version"

.PHONY: bump-version
bump-version: ## New version, with its commit and git tag: PART=major|minor|patch
	@deploy/release/bump-version.sh "$(PART)"
