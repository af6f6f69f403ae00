/**
 * Does pieces of work for a run on several cores; see `WorkerPool`.
 *
 * @module
 */
import { errorText } from "@mesh/base";
import { performTask, type Task } from "./task.ts";

/** What a worker can see of its owner. */
interface Owner {
  onmessage: ((message: { readonly data: Task }) => void) | null;
  postMessage(message: unknown): void;
}

const owner = globalThis as unknown as Owner;
owner.onmessage = ({ data }) => {
  performTask(data).then(
    (result) => owner.postMessage({ result }),
    (error) => owner.postMessage({ error: errorText(error) }),
  );
};
