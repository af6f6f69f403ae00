import { errorText, systemClock, UnavailableError } from "@mesh/base";

/** Calls other services' internal ports, signed with this service's own key. */
export interface PeerClient {
  /**
   * Calls a peer.
   *
   * @param path Path and query on its internal port.
   * @returns Its answer, whatever the status.
   * @throws {UnavailableError} If it does not answer within 10 seconds or its address is unknown.
   */
  call(peer: string, path: string, init?: RequestInit): Promise<Response>;
}

/** Makes the token that a call carries; see `call_token.ts`. */
export type IssueCallToken = (audience: string) => string | Promise<string>;

/** Longest wait for a peer's answer, in milliseconds; up to {@link deadlineSharedMs} less. */
const answerWithinMs = 10_000;

/** For so long, in milliseconds, calls get the same deadline: a timer and a signal of its own cost a call a third more. */
const deadlineSharedMs = 500;

/**
 * Makes a client over HTTP.
 *
 * @param peers Base URLs by service name.
 * @param issueToken Makes the `mesh-call+jwt` for one callee.
 */
export function httpPeerClient(peers: Readonly<Record<string, string>>, issueToken: IssueCallToken): PeerClient {
  const deadline = sharedDeadline();
  return {
    call: async (peer, path, init = {}) => {
      const base = peers[peer];
      if (base === undefined) {
        throw new UnavailableError(`Cannot call "${peer}": its address is not configured`, { dependency: peer });
      }
      const headers = new Headers(init.headers);
      headers.set("authorization", `Bearer ${await issueToken(peer)}`);
      const signal = init.signal ? AbortSignal.any([init.signal, deadline()]) : deadline();
      try {
        return await fetch(new URL(path, base), { ...init, headers, signal, redirect: "error" });
      } catch (error) {
        throw new UnavailableError(`Cannot call "${peer}": ${errorText(error)}`, { dependency: peer, cause: error });
      }
    },
  };
}

/** @returns A signal that aborts `answerWithinMs` from now, or up to half a second earlier. */
function sharedDeadline(): () => AbortSignal {
  let current: { readonly signal: AbortSignal; readonly untilMs: number } | undefined;
  return () => {
    const nowMs = systemClock.monotonicMs();
    if (current === undefined || nowMs >= current.untilMs) {
      const signal = AbortSignal.timeout(answerWithinMs);
      current = { signal, untilMs: nowMs + deadlineSharedMs };
    }
    return current.signal;
  };
}
