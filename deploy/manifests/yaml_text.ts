import { stringify } from "yaml";

/** Says where the file comes from, for whoever would change it by hand. */
const heading =
  "# Generated from the services' contracts by `make manifests`: change those, or deploy/manifests, not this file.\n";

/**
 * Writes documents as the formatter would leave them.
 *
 * @param documents In the order of the file.
 */
export function yamlText(documents: readonly unknown[]): string {
  const texts = documents.map((document) =>
    // Long lines stay whole: a folded regular expression is hard to read, and harder to search for.
    stringify(document, { lineWidth: 0, aliasDuplicateObjects: false })
  );
  return heading + texts.join("---\n");
}
