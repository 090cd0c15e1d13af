import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const root = new URL("..", import.meta.url).pathname;
const stages = ["broker", "collector", "store", "energy", "rules", "dashboard/server", "deploy"] as const;

const sourcesOf = (folder: string): readonly string[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter(
      (name) =>
        /\.ts$/.test(name) && !/\.(test|suite|bench|fixture|rig)\.ts$/.test(name) && !/^(bench|replay)\//.test(name),
    )
    .map((name) => readFileSync(join(root, folder, name), "utf8"));

const label = (stage: string): string => stage.replace("dashboard/server", "dashboard");

/** Which stage imports which door, drawn for the README: an arrow points at what is imported. */
export function drawGraph(): string {
  const lines = stages.flatMap((stage) => {
    const doors = new Set(
      sourcesOf(stage).flatMap((text) => [...text.matchAll(/from "#([a-z]+)"/g)].map(([, door]) => door ?? "")),
    );
    return [...doors].sort().map((door) => `  ${label(stage)} --> ${door}`);
  });
  return ["```mermaid", "graph LR", ...lines, "```"].join("\n");
}
