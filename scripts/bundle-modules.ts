/** How a bundle comes to the modules that it does not consist of, and to those that come in several shapes. */
import { isBuiltin } from "node:module";
import { join } from "node:path";
import type { Plugin } from "esbuild";

/**
 * Node's own modules are taken without `import`: that reads each export once, and one of node:http's brings in a whole HTTP
 * client (undici: 30 ms and 8 MB at each start) that nobody here uses.
 */
export const BUILTINS: Plugin = {
  name: "builtins",
  setup(build) {
    build.onResolve({ filter: /^(node:)?[a-z_]+(\/[a-z_]+)*$/ }, ({ path }) =>
      isBuiltin(path) ? { path, namespace: "builtin" } : undefined,
    );
    build.onLoad({ filter: /.*/, namespace: "builtin" }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule(${JSON.stringify(path)});`,
    }));
  },
};

const PACKAGES = join(import.meta.dirname, "..", "node_modules");

/** As ES modules, of which only what is used is kept; for Node these two offer themselves as CommonJS. */
export const SLIM_PACKAGES = {
  rxjs: join(PACKAGES, "rxjs/dist/esm/index.js"),
  yaml: join(PACKAGES, "yaml/browser/dist/index.js"),
};
