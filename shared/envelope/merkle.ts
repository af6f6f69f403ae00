import { Buffer } from "node:buffer";
import { hash } from "node:crypto";
import { decodeBase64Url, ownCopy } from "./base64url.ts";

/**
 * Merkle trees over base64url hashes, in the shape of RFC 9162: a level's last node without a neighbour stands on the next
 * level as it is.
 *
 * @module
 */

/** Characters of a SHA-256 in base64url. */
export const hashLength = 43;

/** What a tree over some leaves amounts to. */
export interface MerkleTree {
  /** Its root, base64url. */
  readonly root: string;
  /** For each leaf its inclusion proof: hashes in base64url end to end, from the leaf's neighbour up. */
  readonly paths: readonly string[];
}

/**
 * Builds the tree over leaves.
 *
 * @param leaves Hashes of the leaves, base64url; at least one.
 * @see RFC 9162 2.1.1, 2.1.3.1
 */
export function merkleTree(leaves: readonly string[]): MerkleTree {
  const paths = leaves.map(() => "");
  let level = leaves;
  for (let height = 0; level.length > 1; height += 1) {
    for (const [at] of paths.entries()) paths[at] += level[(at >> height) ^ 1] ?? "";
    const above: string[] = [];
    for (let at = 0; at < level.length; at += 2) {
      const right = level[at + 1];
      above.push(right === undefined ? level[at]! : nodeHash(level[at]!, right)!);
    }
    level = above;
  }
  return { root: level[0]!, paths };
}

/**
 * A tree of which only the size is known at first, and then its nodes from one inclusion proof after the other. A node
 * that one proof has brought is compared with the next one's and not computed again, so that a proof costs about one hash
 * where neighbours are proven one after the other.
 */
export class KnownTree {
  readonly #size: number;
  /** Proven nodes by their place: level times 4,096, plus the index in the level. */
  readonly #nodes = new Map<number, string>();
  #root: string | undefined;

  /** @param size Number of leaves, 1 to 4,096. */
  constructor(size: number) {
    this.#size = size;
  }

  /**
   * Says whether a leaf is in the tree.
   *
   * @param isRoot Proves the root; asked once in the tree's life.
   */
  has(leaf: string, index: number, path: string, isRoot: (root: string) => boolean): boolean {
    const climbed = this.#climb(leaf, index, path);
    if (climbed === undefined) return false;
    if (this.#root === undefined) {
      if (!isRoot(climbed.root)) return false;
      this.#root = climbed.root;
    } else if (climbed.root !== this.#root) return false;
    for (const [place, node] of climbed.met) {
      if (!this.#nodes.has(place)) this.#nodes.set(place, ownCopy(node));
    }
    return true;
  }

  #climb(leaf: string, index: number, path: string) {
    const met: (readonly [place: number, node: string])[] = [];
    let node: string = leaf;
    let at = index;
    let used = 0;
    let isKnown = false;
    for (let level = 0, width = this.#size; width > 1; level += 1, at >>= 1, width = (width + 1) >> 1) {
      const place = level * levelRoom + at;
      const known: string | undefined = this.#nodes.get(place);
      if (known !== undefined) {
        if (!isKnown && known !== node) return undefined;
        isKnown = true;
        node = known;
      }
      const neighbour: number = at ^ 1;
      if (neighbour >= width) {
        if (!isKnown) met.push([place, node]);
        continue;
      }
      const other: string = path.slice(used, used += hashLength);
      if (isKnown) {
        if (this.#nodes.get(level * levelRoom + neighbour) !== other) return undefined;
        continue;
      }
      met.push([place, node], [level * levelRoom + neighbour, other]);
      const above: string | undefined = (at & 1) === 0 ? nodeHash(node, other) : nodeHash(other, node);
      if (above === undefined) return undefined;
      node = above;
    }
    if (used !== path.length) return undefined;
    return { root: isKnown ? this.#root! : node, met };
  }
}

/** @returns SHA-256 of 1, left and right, base64url; `undefined` where either is no hash in its one spelling. */
function nodeHash(left: string, right: string): string | undefined {
  if (decodeBase64Url(left, leftRoom) !== 32 || decodeBase64Url(right, rightRoom) !== 32) return undefined;
  return hash("sha256", nodeRoom, "base64url");
}

const levelRoom = 4096;
const nodeRoom = Buffer.alloc(65);
nodeRoom[0] = 1;
const leftRoom = nodeRoom.subarray(1, 33);
const rightRoom = nodeRoom.subarray(33);
