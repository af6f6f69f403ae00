import { createHash } from "node:crypto";

/**
 * Hashes text or bytes with SHA-256.
 *
 * @param content Text is hashed as UTF-8.
 * @returns base64url without padding, 43 characters.
 */
export function sha256(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("base64url");
}
