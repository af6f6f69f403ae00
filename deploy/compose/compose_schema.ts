import { z } from "zod";

const Port = z.string().regex(/^127\.0\.0\.1:\d{1,5}:\d{1,5}$/, "must be published on loopback");
const Duration = z.string().regex(/^\d+(s|m)$/);
const Condition = z.enum(["service_started", "service_healthy", "service_completed_successfully"]);

const Service = z.strictObject({
  image: z.string().regex(/^[a-z0-9./-]+:[a-z0-9.-]+$/, "must have a tag"),
  build: z.strictObject({
    context: z.literal("."),
    dockerfile: z.string(),
    args: z.strictObject({ SERVICE: z.string() }),
  }).optional(),
  hostname: z.string().optional(),
  command: z.array(z.string()).optional(),
  environment: z.record(z.string().regex(/^[A-Z][A-Z0-9_]*$/), z.string()),
  depends_on: z.record(z.string(), z.strictObject({ condition: Condition })).optional(),
  healthcheck: z.strictObject({
    test: z.tuple([z.literal("CMD")], z.string()),
    interval: Duration,
    timeout: Duration,
    retries: z.int().min(1),
    start_period: Duration,
  }).optional(),
  ports: z.array(Port).optional(),
  volumes: z.array(z.string().regex(/^[a-z-]+:\/[a-z/]+(:ro)?$/)).optional(),
  networks: z.strictObject({ default: z.strictObject({ aliases: z.array(z.string()) }) }).optional(),
  user: z.string().optional(),
  read_only: z.boolean().optional(),
  cap_drop: z.array(z.string()).optional(),
  security_opt: z.array(z.string()).optional(),
  restart: z.enum(["no", "always", "unless-stopped", "on-failure", "on-failure:10"]),
  stop_grace_period: Duration.optional(),
});

/**
 * The part of the Compose specification that `docker-compose.yml` uses; anything else is refused, and so is a dependency or
 * a volume that is not there, and a dependency on the health of what has no health check.
 */
export const composeSchema = z.strictObject({
  name: z.string(),
  services: z.record(z.string(), Service),
  volumes: z.record(z.string(), z.strictObject({})),
}).superRefine(({ services, volumes }, context) => {
  for (const [name, service] of Object.entries(services)) {
    const complain = (message: string) => context.addIssue({ code: "custom", path: ["services", name], message });
    for (const [other, { condition }] of Object.entries(service.depends_on ?? {})) {
      const found = services[other];
      if (found === undefined) complain(`depends on ${other}, which is not there`);
      else if (condition === "service_healthy" && found.healthcheck === undefined) {
        complain(`waits for the health of ${other}, which has no check`);
      }
    }
    for (const volume of service.volumes ?? []) {
      if (!Object.hasOwn(volumes, volume.split(":")[0]!)) complain(`mounts ${volume}, which is not there`);
    }
  }
});
