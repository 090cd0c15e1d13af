/** Who listens to telemetry: the filters that could match `dc/<site>/<device>/telemetry`, as a tree of levels. */
export function createAudience(): Audience {
  const root: Branch = { children: new Map(), listeners: 0 };
  let listeners = 0;
  let version = 0;

  return {
    get version() {
      return version;
    },
    add(filter) {
      const levels = filter.split("/");
      if (!couldMatch(levels)) return;
      let branch = root;
      for (const level of levels) {
        let child = branch.children.get(level);
        if (child === undefined) {
          child = { children: new Map(), listeners: 0 };
          branch.children.set(level, child);
        }
        branch = child;
      }
      branch.listeners += 1;
      listeners += 1;
      version += 1;
    },
    remove(filter) {
      const levels = filter.split("/");
      if (!couldMatch(levels)) return;
      const path: [Branch, string][] = [];
      let branch = root;
      for (const level of levels) {
        const child = branch.children.get(level);
        if (child === undefined) throw new Error(`BUG: filter "${filter}" was never added`);
        path.push([branch, level]);
        branch = child;
      }
      branch.listeners -= 1;
      listeners -= 1;
      version += 1;
      for (const [parent, level] of path.reverse()) {
        const child = parent.children.get(level);
        if (child === undefined || child.listeners > 0 || child.children.size > 0) return;
        parent.children.delete(level);
      }
    },
    hears(site, device) {
      return listeners > 0 && reaches(root, ["dc", site, device, "telemetry"], 0);
    },
  };
}

function couldMatch(levels: readonly string[]): boolean {
  const [root, site, device, kind] = levels;
  const end = levels.indexOf("#");
  // "#" also stands for the level above it. [MQTT-4.7.1-2]
  if (levels.length !== 4 && (end === -1 || end > 4)) return false;
  if (site === undefined || device === undefined) return root === "dc" || root === "+" || root === "#";
  if (root !== "dc" && root !== "+") return false;
  return kind === undefined || kind === "telemetry" || kind === "+" || kind === "#";
}

function reaches(branch: Branch, levels: readonly string[], depth: number): boolean {
  if (branch.children.has("#")) return true;
  const level = levels[depth];
  if (level === undefined) return branch.listeners > 0;
  const named = branch.children.get(level);
  if (named !== undefined && reaches(named, levels, depth + 1)) return true;
  const any = branch.children.get("+");
  return any !== undefined && reaches(any, levels, depth + 1);
}

export interface Audience {
  /** Changes with every filter that could match telemetry. */
  readonly version: number;
  /** A filter is counted as often as it is added. */
  add(filter: string): void;
  remove(filter: string): void;
  /** Whether telemetry of this device matches any filter. */
  hears(site: string, device: string): boolean;
}

interface Branch {
  readonly children: Map<string, Branch>;
  listeners: number;
}
