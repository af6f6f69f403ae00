import { configureLogging, getLogger, tracing } from "./mod.ts";

/** A process of its own for the integration test: one message's way, under Deno's telemetry. */
if (import.meta.main) {
  await configureLogging({ service: "fixture" });
  const trace = tracing("fixture", true);
  const envelope = {
    type: "a.b",
    key: "k",
    claims: { jti: "m1", cor: "o1", dst: { x: "mesh.commands", rk: "a.b.v1" } },
  };
  const sent = await trace.inSpan("accept", { kind: "server" }, () => {
    getLogger("fixture").info("Accepted");
    return Promise.resolve(trace.currentTrace());
  });
  const received = trace.continueTrace(envelope, sent);
  await trace.inTrace("effect call", received, () => Promise.resolve());
}
