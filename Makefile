# Each target installs what it needs and this machine lacks (scripts/need.sh), says so, and is quick when all is there.

SHELL := /bin/bash
export PATH := $(CURDIR)/node_modules/.bin:$(PATH):/usr/local/sbin:/usr/sbin:/sbin
NEED := scripts/need.sh
NODE := node_modules/.bin/node

.DEFAULT_GOAL := help
.PHONY: help demo test bench bundle lint format

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

demo: ## two nodes, pods, a connectivity matrix, kept running (ONCE=1, DIR=folder, API=1, TUNNEL=vxlan, ENCAP=never|hybrid)
	@$(NEED) npm ovs net ping shim $(if $(API),kube)
	@exec $(NODE) demo/demo.ts

test: ## lint, types and every test (TIER=unit|ovs|cluster, ONLY=part of a file name, GREP=part of a test name)
	@$(NEED) npm ovs net ping raw conntrack iperf shim kube
	@exec $(NODE) scripts/test.ts

bench: ## ratios against anchors measured in the same run (ONLY=name, OUT=json)
	@$(NEED) npm ovs net ping iperf shim
	@exec $(NODE) bench/run.ts $(if $(ONLY),--only $(ONLY)) $(if $(OUT),-o $(OUT))

bundle: ## dist/: weir-node.mjs, weir-cluster.mjs, weirctl.mjs and the static CNI executable
	@$(NEED) npm shim
	@exec $(NODE) scripts/bundle.ts

lint: ## biome and the type checker
	@$(NEED) npm
	@npm run --silent lint

format: ## biome, writing
	@$(NEED) npm
	@npm run --silent format
