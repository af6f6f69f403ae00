import { createRequire } from "node:module";

/**
 * Loads a package of the peers' installation. They are no dependencies of this project, so their types are declared
 * where they are used, as far as they are used.
 *
 * @param peersFolder Folder that holds `node_modules`.
 */
export function loadPackage<Face>(peersFolder: string, name: string): Face {
  return createRequire(`${peersFolder}/`)(name) as Face;
}
