import { ConfigError } from "@mesh/base";

/** Where mail goes out, and in whose name. */
export interface MailConfig {
  readonly host: string;
  readonly port: number;
  readonly isTls: boolean;
  readonly credentials?: { readonly user: string; readonly password: string };
  readonly from: { readonly name: string; readonly email: string };
}

/**
 * Reads the mail configuration.
 *
 * `SMTP_URL` is `smtp://[user:password@]host[:port]` or `smtps://…`; `MAIL_FROM` is `Name <address>`.
 *
 * @throws {ConfigError} With every fault at once; values are not repeated.
 */
export function mailConfig(env: (name: string) => string | undefined): MailConfig {
  const text = env("SMTP_URL") ?? "";
  const sender = /^([^<>]{1,100}?)\s*<([^\s<>@]{1,64}@[^\s<>@]{1,255})>$/.exec(env("MAIL_FROM") ?? "");
  const faults: string[] = [];
  if (!/^smtps?:/.test(text) || !URL.canParse(text)) faults.push("SMTP_URL: must be an smtp:// or smtps:// URL");
  if (sender === null) faults.push('MAIL_FROM: must be "Name <address>"');
  if (faults.length > 0 || sender === null) {
    throw new ConfigError(`Cannot start: the environment is wrong: ${faults.join("; ")}`);
  }
  const url = new URL(text);
  const isTls = url.protocol === "smtps:";
  return {
    host: url.hostname,
    port: url.port === "" ? (isTls ? 465 : 25) : Number(url.port),
    isTls,
    ...(url.username === "" ? {} : {
      credentials: { user: decodeURIComponent(url.username), password: decodeURIComponent(url.password) },
    }),
    from: { name: sender[1]!, email: sender[2]! },
  };
}
