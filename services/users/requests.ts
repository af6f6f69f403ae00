import { z } from "zod";

/** One line of text as people type it: no control characters, no marks that turn the direction of writing. */
function line(lengthMax: number) {
  return z.string().max(lengthMax * 2).trim().normalize("NFC").min(1).refine(
    (text) => [...text].length <= lengthMax && !/[\p{Cc}\p{Cs}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u.test(text),
    `must be one line of at most ${lengthMax} characters`,
  );
}

/** RFC 5321 4.5.3.1.3 allows 254 characters. */
export const Email = z.string().max(254).trim().pipe(z.email().max(254));
export const DisplayName = line(80);
/** Bounds of the wire only; `findPasswordFault` judges the length in characters. */
export const NewPassword = z.string().min(1).max(512);

/** UUIDs in lower case, as this service draws them. */
export const Uuid = z.uuid().regex(/^[^A-Z]*$/);

/** Names a request, so that its repeat has no second effect; visible ASCII, as the gateway takes it from clients. */
export const IdempotencyKey = z.string().regex(/^[\x21\x23-\x7e]{1,128}$/);

export const RegistrationRequest = z.strictObject({ email: Email, password: NewPassword, displayName: DisplayName });

/** A password that cannot be one is refused like a wrong one, after the same work. */
export const LoginRequest = z.strictObject({
  email: z.string().min(1).max(254),
  password: z.string().min(1).max(512),
  clientIp: z.union([z.ipv4(), z.ipv6()]),
});

/** Anything of a bounded length: what is no token of ours is answered like an unknown one. */
export const RefreshRequest = z.strictObject({ refreshToken: z.string().min(1).max(200) });

export const AddressRequest = z.strictObject({
  recipient: line(100),
  lines: z.array(line(100)).min(1).max(3),
  postalCode: line(16),
  city: line(80),
  region: line(80).optional(),
  countryCode: z.string().regex(/^[A-Z]{2}$/, "must be two capital letters (ISO 3166-1)"),
});
