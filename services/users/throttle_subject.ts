import { sha256 } from "@mesh/base";

/**
 * Names the subject that guesses at one account are counted under, whether there is such an account or not.
 *
 * @param emailKey As `emailKeyOf` makes it.
 */
export function accountSubject(emailKey: string): string {
  return `account:${sha256(emailKey)}`;
}

/** Names the subject that notices of repeated registrations are counted under. */
export function repeatedNoticeSubject(emailKey: string): string {
  return `repeated:${sha256(emailKey)}`;
}

/**
 * Names the subject that guesses from one place are counted under: an IPv4 address, or the first 64 bits of an IPv6
 * address, because whoever has one of those has all that follow.
 *
 * @param ip An address that was checked to be one.
 *
 * @example
 * ```ts
 * import { deepStrictEqual as assertEquals } from "node:assert/strict";
 * import { placeSubject } from "./throttle_subject.ts";
 *
 * assertEquals(placeSubject("2001:db8::1"), placeSubject("2001:DB8:0:0:ffff::2"));
 * assertEquals(placeSubject("::ffff:192.0.2.1"), placeSubject("192.0.2.1"));
 * ```
 */
export function placeSubject(ip: string): string {
  return `place:${sha256(networkOf(ip.toLowerCase()))}`;
}

function networkOf(ip: string): string {
  if (!ip.includes(":")) return ip;
  const groups = expand(ip);
  const isMapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
  if (isMapped) return [groups[6]! >> 8, groups[6]! & 255, groups[7]! >> 8, groups[7]! & 255].join(".");
  return groups.slice(0, 4).map((group) => group.toString(16)).join(":");
}

/** @returns The eight groups of an IPv6 address (RFC 4291 2.2). */
function expand(ip: string): readonly number[] {
  const [head = "", tail] = ip.split("%")[0]!.split("::");
  const [before, after] = [groupsOf(head), groupsOf(tail ?? "")];
  return [...before, ...new Array<number>(Math.max(0, 8 - before.length - after.length)).fill(0), ...after];
}

function groupsOf(part: string): number[] {
  return part.split(":").filter((group) => group !== "").flatMap((group) => {
    const octets = group.split(".").map(Number);
    return octets.length === 4
      ? [octets[0]! * 256 + octets[1]!, octets[2]! * 256 + octets[3]!]
      : [Number.parseInt(group, 16)];
  });
}
