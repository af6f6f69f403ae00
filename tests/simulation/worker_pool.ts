import { DefectError } from "@mesh/base";
import { performTask, type Task, type TaskResult } from "./task.ts";

interface Waiting {
  readonly task: Task;
  readonly answer: PromiseWithResolvers<TaskResult>;
}

interface Answered {
  readonly result?: TaskResult;
  readonly error?: string;
}

/** Does pieces of work on several cores, the first come first; with a single one in this very thread. */
export class WorkerPool implements Disposable {
  readonly #workers: Worker[] = [];
  readonly #idle: Worker[] = [];
  readonly #waiting: Waiting[] = [];
  /** Pieces that are worth having under way at a time. */
  readonly places: number;

  /** @param jobs Number of cores, from 1. */
  constructor(jobs: number) {
    this.places = jobs;
    for (let made = 0; made < jobs && jobs > 1; made += 1) {
      this.#workers.push(new Worker(new URL("./worker.ts", import.meta.url), { type: "module" }));
    }
    this.#idle.push(...this.#workers);
  }

  /** Does one piece. @throws {DefectError} If it cannot be done. */
  run<Kind extends Task["kind"]>(
    task: Extract<Task, { readonly kind: Kind }>,
  ): Promise<Extract<TaskResult, { readonly kind: Kind }>> {
    const answer = Promise.withResolvers<TaskResult>();
    if (this.#workers.length === 0) performTask(task).then(answer.resolve, answer.reject);
    else {
      this.#waiting.push({ task, answer });
      this.#pump();
    }
    return answer.promise as Promise<Extract<TaskResult, { readonly kind: Kind }>>;
  }

  [Symbol.dispose](): void {
    for (const worker of this.#workers) worker.terminate();
  }

  #pump(): void {
    while (this.#idle.length > 0 && this.#waiting.length > 0) {
      const worker = this.#idle.shift()!;
      const { task, answer } = this.#waiting.shift()!;
      worker.onmessage = ({ data: { result, error } }: MessageEvent<Answered>) => {
        if (result === undefined) answer.reject(new DefectError(`Cannot play: ${error}`));
        else answer.resolve(result);
        this.#idle.push(worker);
        this.#pump();
      };
      worker.onerror = (event) => {
        event.preventDefault();
        answer.reject(new DefectError(`Cannot play: ${event.message}`));
      };
      worker.postMessage(task);
    }
  }
}
