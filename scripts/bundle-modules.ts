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
      contents: RARE.has(path.replace("node:", "")) ? loadLater(path) : `module.exports = ${loadNow(path)};`,
    }));
  },
};

/** What packages ask for at once and few configurations ever use: 8 MB of an idle process, TLS most of all. */
const RARE: ReadonlySet<string> = new Set(["cluster", "dgram", "dns", "https", "tls", "zlib"]);

function loadNow(path: string): string {
  return `process.getBuiltinModule(${JSON.stringify(path)})`;
}

/** Each export is a getter, so that the module is loaded by the first who uses one. */
function loadLater(path: string): string {
  const names = Object.keys(process.getBuiltinModule(path) ?? {});
  const getters = names.map(
    (name) => `get ${JSON.stringify(name)}() { return ${loadNow(path)}[${JSON.stringify(name)}]; }`,
  );
  return `module.exports = { ${getters.join(", ")} };`;
}

/** Parts of prom-client that push to a gateway and gather from forked workers; they bring zlib, node:cluster and dgram along. */
export const UNUSED: Plugin = {
  name: "unused",
  setup(build) {
    build.onResolve({ filter: /^\.\/lib\/(pushgateway|cluster)$/ }, ({ path, importer }) =>
      importer.includes("/prom-client/") ? { path, namespace: "unused" } : undefined,
    );
    build.onLoad({ filter: /.*/, namespace: "unused" }, () => ({ contents: "module.exports = {};" }));
  },
};

const PACKAGES = join(import.meta.dirname, "..", "node_modules");

/** As ES modules, of which only what is used is kept; for Node these two offer themselves as CommonJS. */
export const SLIM_PACKAGES = {
  rxjs: join(PACKAGES, "rxjs/dist/esm/index.js"),
  yaml: join(PACKAGES, "yaml/browser/dist/index.js"),
};
