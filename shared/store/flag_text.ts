/**
 * Says how a field that is true stands in JSON as it is stored: without white space, and with every quote inside a text
 * escaped, so that no text looks like it.
 *
 * @param flag Name of the field.
 */
export function flagText(flag: string): string {
  return `${JSON.stringify(flag)}:true`;
}
