# The documented door: every target prepares what it needs first (see deploy/dev/bootstrap.sh), so that nothing has to
# be installed by hand. The work itself is in the tasks of deno.json.

export PATH := $(CURDIR)/.tools/bin:$(PATH)

tasks := dev demo ok test ci clean manifests bench bench-quick test-fresh test-brokers

.PHONY: help bootstrap $(tasks)

help:
	@echo 'make dev            start the whole shop on http://127.0.0.1:8080; Ctrl-C ends it'
	@echo 'make demo           play a scenario against the shop, starting one if none runs'
	@echo 'make test           everything that a change must pass, in under 15 minutes'
	@echo 'make ci             the same and what takes longer: what CI runs'
	@echo 'make ok             the part of it that needs no server, in seconds'
	@echo 'make clean          remove the data of development servers'
	@echo 'make manifests      render the Kubernetes and Istio manifests'
	@echo 'make bench          compare speed with a ceiling and with peers, 40 minutes, into docs/benchmarks.md'
	@echo 'make bench-quick    the same in 10 minutes, only printed'
	@echo 'make test-fresh     prove make dev and make test on a fresh Debian 12 (root on Debian)'
	@echo 'make test-brokers   run the broker tests on RabbitMQ 4.0 and 4.3 (root on Debian)'
	@echo 'make bootstrap      only prepare'

bootstrap:
	@sh deploy/dev/bootstrap.sh

$(tasks): bootstrap
	@deno task --quiet $@
