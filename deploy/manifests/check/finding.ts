/** Something that is wrong in rendered manifests. */
export interface Finding {
  /** Name of the rule, kebab-case. */
  readonly rule: string;
  /** Kind and name of the object. */
  readonly object: string;
  readonly message: string;
}

/** One line for people. */
export function findingText({ rule, object, message }: Finding): string {
  return `${object}: ${message} [${rule}]`;
}
