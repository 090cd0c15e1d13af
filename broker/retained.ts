/** Retained messages as a tree of topic levels: a filter walks only the branches it names. */
export function createRetained<M extends RetainedMessage>(limits: RetainedLimits): Retained<M> {
  const root: Branch<M> = { children: new Map(), message: null };
  let count = 0;
  let bytes = 0;

  function remove(topic: string): void {
    const path: [Branch<M>, string][] = [];
    let branch = root;
    for (const level of topic.split("/")) {
      const child = branch.children.get(level);
      if (child === undefined) return;
      path.push([branch, level]);
      branch = child;
    }
    if (branch.message === null) return;
    count -= 1;
    bytes -= weight(branch.message);
    branch.message = null;
    for (const [parent, level] of path.reverse()) {
      const child = parent.children.get(level);
      if (child === undefined || child.message !== null || child.children.size > 0) return;
      parent.children.delete(level);
    }
  }

  return {
    get count() {
      return count;
    },
    get bytes() {
      return bytes;
    },
    keep(message) {
      // [MQTT-3.3.1-10]
      if (message.payload.length === 0) {
        remove(message.topic);
        return "kept";
      }
      const old = find(root, message.topic)?.message ?? null;
      const countAfter = old === null ? count + 1 : count;
      const bytesAfter = bytes + weight(message) - (old === null ? 0 : weight(old));
      if (countAfter > limits.messages || bytesAfter > limits.bytes) {
        // An old value would pass for the newest one. [MQTT-3.3.1-5]
        remove(message.topic);
        return "full";
      }
      let branch = root;
      for (const level of message.topic.split("/")) {
        let child = branch.children.get(level);
        if (child === undefined) {
          child = { children: new Map(), message: null };
          branch.children.set(level, child);
        }
        branch = child;
      }
      branch.message = message;
      count = countAfter;
      bytes = bytesAfter;
      return "kept";
    },
    all: () => every(root),
    match: (filter) => walk(root, filter.split("/"), 0),
  };
}

function* every<M>(branch: Branch<M>): Generator<M> {
  if (branch.message !== null) yield branch.message;
  for (const child of branch.children.values()) yield* every(child);
}

function* walk<M>(branch: Branch<M>, levels: readonly string[], depth: number): Generator<M> {
  const level = levels[depth];
  if (level === undefined) {
    if (branch.message !== null) yield branch.message;
  } else if (level === "#") {
    yield* below(branch, depth);
  } else if (level === "+") {
    for (const [name, child] of branch.children) {
      if (!hidden(name, depth)) yield* walk(child, levels, depth + 1);
    }
  } else {
    const child = branch.children.get(level);
    if (child !== undefined) yield* walk(child, levels, depth + 1);
  }
}

function* below<M>(branch: Branch<M>, depth: number): Generator<M> {
  if (branch.message !== null) yield branch.message;
  for (const [name, child] of branch.children) {
    if (!hidden(name, depth)) yield* below(child, depth + 1);
  }
}

// [MQTT-4.7.2-1]
function hidden(name: string, depth: number): boolean {
  return depth === 0 && name.startsWith("$");
}

function find<M>(root: Branch<M>, topic: string): Branch<M> | undefined {
  let branch: Branch<M> | undefined = root;
  for (const level of topic.split("/")) {
    branch = branch.children.get(level);
    if (branch === undefined) return undefined;
  }
  return branch;
}

function weight(message: RetainedMessage): number {
  return message.topic.length + message.payload.length;
}

export interface Retained<M> {
  readonly count: number;
  readonly bytes: number;
  /** Keeps, replaces or, with an empty payload, removes. When full, the topic is left without a retained message. */
  keep(message: M): "kept" | "full";
  match(filter: string): Iterable<M>;
  all(): Iterable<M>;
}

export interface RetainedLimits {
  readonly messages: number;
  readonly bytes: number;
}

interface RetainedMessage {
  readonly topic: string;
  readonly payload: { readonly length: number };
}

interface Branch<M> {
  readonly children: Map<string, Branch<M>>;
  message: M | null;
}
