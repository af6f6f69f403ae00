import type { Clock } from "@mesh/base";
import { z } from "zod";
import { CliError, exitCodes } from "./exit_codes.ts";
import { call, type Send } from "./service_client.ts";

/** Where the session of whoever logged in is kept. */
export interface SessionFile {
  /**
   * Reads the session and may replace it, while no other process does.
   *
   * @param change Gets the stored text (`undefined` if there is none), gives what is to be stored (`undefined` to remove it).
   */
  update<T>(
    change: (text: string | undefined) => Promise<{ readonly text: string | undefined; readonly result: T }>,
  ): Promise<T>;
}

/** What sessions need. */
export interface SessionOptions {
  /** Base URL of the gateway. */
  readonly gatewayUrl: string;
  readonly file: SessionFile;
  readonly send: Send;
  readonly clock: Pick<Clock, "nowMs">;
  /** A token from outside, used instead of a session. */
  readonly token?: string;
}

/** Who is logged in. */
export interface Session {
  /**
   * @returns An access token that lives for at least another half minute.
   * @throws {CliError} If nobody is logged in, or the session is over.
   */
  token(): Promise<string>;
  /** @returns Scopes of the new token, in order. */
  logIn(email: string, password: string): Promise<readonly string[]>;
  /** @returns Whether somebody was logged in. */
  logOut(): Promise<boolean>;
}

/**
 * Opens the session of the command line: tokens from outside, or those of the last login, refreshed when they end.
 */
export function openSession(options: SessionOptions): Session {
  return {
    token: () => options.token === undefined ? readToken(options) : Promise.resolve(options.token),
    logIn: async (email, password) => {
      const tokens = await call({
        ...atGateway(options, "/v1/sessions"),
        method: "POST",
        body: { email, password },
        schema: Tokens,
      }).catch((error) => {
        if (!(error instanceof CliError) || error.exitCode !== exitCodes.notAllowed) throw error;
        throw new CliError(exitCodes.notAllowed, "Cannot log in: e-mail or password is wrong");
      });
      await options.file.update(() => Promise.resolve({ text: textOf(tokens, options), result: undefined }));
      return scopesOf(tokens.accessToken);
    },
    logOut: () =>
      options.file.update(async (text) => {
        const stored = storedFrom(text);
        if (stored === undefined) return { text: undefined, result: false };
        const body = { refreshToken: stored.refreshToken };
        const request = { ...atGateway({ ...options, gatewayUrl: stored.gatewayUrl }, "/v1/sessions"), body };
        await call({ ...request, method: "DELETE", schema: z.unknown() });
        return { text: undefined, result: true };
      }),
  };
}

/** Rest of a token's life at which it is replaced, in milliseconds; longer than any command takes. */
const refreshBeforeMs = 30_000;

/**
 * A refresh token is good once, and its second use ends the session: processes refresh one after the other, and what came
 * is stored before anybody uses it.
 */
function readToken(options: SessionOptions): Promise<string> {
  return options.file.update(async (text) => {
    const stored = storedFrom(text);
    if (stored === undefined) throw notLoggedIn();
    if (stored.gatewayUrl !== options.gatewayUrl) {
      throw new CliError(
        exitCodes.notAllowed,
        `Cannot use the session: it belongs to ${stored.gatewayUrl}, not to ${options.gatewayUrl}. Log in with: mesh login`,
      );
    }
    if (stored.expiresAtMs - options.clock.nowMs() > refreshBeforeMs) return { text, result: stored.accessToken };
    const body = { refreshToken: stored.refreshToken };
    const request = { ...atGateway(options, "/v1/sessions/refresh"), body };
    const tokens = await call({ ...request, method: "POST", schema: Tokens }).catch((error) => {
      if (!(error instanceof CliError) || error.exitCode !== exitCodes.notAllowed) throw error;
      throw new CliError(exitCodes.notAllowed, "Cannot go on: the session is over. Log in with: mesh login");
    });
    return { text: textOf(tokens, options), result: tokens.accessToken };
  });
}

function atGateway({ gatewayUrl, send }: SessionOptions, path: string) {
  return { url: new URL(path, gatewayUrl).href, target: "the gateway", send };
}

function notLoggedIn(): CliError {
  return new CliError(exitCodes.notAllowed, "Cannot do that: nobody is logged in. Set MESH_TOKEN, or use: mesh login");
}

function textOf(tokens: z.output<typeof Tokens>, { gatewayUrl, clock }: SessionOptions): string {
  const { accessToken, refreshToken, expiresInSeconds } = tokens;
  const expiresAtMs = clock.nowMs() + expiresInSeconds * 1000;
  return JSON.stringify({ gatewayUrl, accessToken, refreshToken, expiresAtMs });
}

function storedFrom(text: string | undefined): z.output<typeof Stored> | undefined {
  if (text === undefined || text === "") return undefined;
  try {
    return Stored.parse(JSON.parse(text));
  } catch {
    // A file from another version, or half of one, is as good as none.
    return undefined;
  }
}

/** For people; nothing is decided by it. */
function scopesOf(accessToken: string): readonly string[] {
  try {
    const bytes = Uint8Array.fromBase64(accessToken.split(".")[1] ?? "", { alphabet: "base64url" });
    const { scope } = z.object({ scope: z.string() }).parse(JSON.parse(new TextDecoder().decode(bytes)));
    return scope.split(" ");
  } catch {
    return [];
  }
}

const Tokens = z.object({ accessToken: z.string(), refreshToken: z.string(), expiresInSeconds: z.number() });
const Stored = z.object({
  gatewayUrl: z.string(),
  accessToken: z.string(),
  refreshToken: z.string(),
  expiresAtMs: z.number(),
});
