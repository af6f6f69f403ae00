/** Ports of one broker, all on loopback. */
export interface BrokerPorts {
  readonly amqp: number;
  readonly management: number;
  /** Erlang's own distribution, for the control tools. */
  readonly distribution: number;
  /** Erlang's name service; a private one, so that the broker of the system and ours never meet. */
  readonly epmd: number;
}

/** What a broker process needs to know. */
export interface BrokerSettings {
  /** Folder of this broker, as the process sees it. */
  readonly folder: string;
  readonly ports: BrokerPorts;
  readonly user: string;
  readonly password: string;
  /** Folders to find `erl` and `epmd` in, joined by colons. */
  readonly path: string;
}

/**
 * The environment of the broker's own start script.
 *
 * The packaged wrapper in /usr/sbin is not used: it changes to the `rabbitmq` account and to fixed folders.
 */
export function brokerEnvironment({ folder, ports, path }: BrokerSettings): Record<string, string> {
  return {
    PATH: path,
    LANG: "C.UTF-8",
    // Erlang's cookie lies here.
    HOME: `${folder}/home`,
    RABBITMQ_NODENAME: "rabbit@localhost",
    RABBITMQ_CONF_ENV_FILE: "/dev/null",
    RABBITMQ_CONFIG_FILE: `${folder}/rabbitmq.conf`,
    RABBITMQ_ADVANCED_CONFIG_FILE: `${folder}/none.config`,
    RABBITMQ_ENABLED_PLUGINS_FILE: `${folder}/enabled_plugins`,
    RABBITMQ_MNESIA_BASE: `${folder}/data`,
    RABBITMQ_LOG_BASE: `${folder}/log`,
    RABBITMQ_GENERATED_CONFIG_DIR: `${folder}/data/generated`,
    RABBITMQ_SCHEMA_DIR: `${folder}/data/schema`,
    RABBITMQ_PID_FILE: `${folder}/rabbitmq.pid`,
    RABBITMQ_DIST_PORT: String(ports.distribution),
    // The control tools take their ports from here; without it they listen on any.
    RABBITMQ_CTL_DIST_PORT_MIN: String(ports.distribution + 10_000),
    RABBITMQ_CTL_DIST_PORT_MAX: String(ports.distribution + 10_010),
    ERL_EPMD_PORT: String(ports.epmd),
    ERL_EPMD_ADDRESS: "127.0.0.1",
    // Without this the distribution listens on every interface.
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: "-kernel inet_dist_use_interface {127,0,0,1}",
    // Makes the start script replace itself with the Erlang machine: signals, and the kernel's notice of our own
    // death, then reach the broker and not a shell in front of it.
    RUNNING_UNDER_SYSTEMD: "true",
  };
}

/** The broker's configuration file. Limits are stated, so that they are the same on every supported version. */
export function brokerConfig({ ports, user, password }: BrokerSettings): string {
  return [
    `listeners.tcp.1 = 127.0.0.1:${ports.amqp}`,
    "management.tcp.ip = 127.0.0.1",
    `management.tcp.port = ${ports.management}`,
    // Created at the first start in place of guest, which therefore never exists.
    `default_user = ${user}`,
    `default_pass = ${password}`,
    "default_user_tags.administrator = true",
    "log.file = false",
    "log.console = true",
    "log.console.level = info",
    "heartbeat = 20",
    "max_message_size = 1048576",
    "vm_memory_high_watermark.relative = 0.4",
    "disk_free_limit.absolute = 1GB",
    // 30 minutes: the broker's clock for a consumer that never acknowledges; turns have 30 s of their own.
    "consumer_timeout = 1800000",
    // Depths and connections are all that we ask for; rates per queue, exchange and channel cost a tenth of the broker's
    // time.
    "management_agent.disable_metrics_collector = false",
    "management.rates_mode = none",
    "",
  ].join("\n");
}

/** The plugins that are on: management only, which ships with every version. */
export const enabledPlugins = "[rabbitmq_management].\n";
