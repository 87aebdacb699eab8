import { readFile } from "node:fs/promises";
import { request as requestPlain } from "node:http";
import { Agent, request as requestTls } from "node:https";
import { until } from "../watch/until.ts";

export interface RigResponse {
  readonly status: number;
  /** Parsed JSON, or else the text. */
  readonly body: unknown;
}

/** An object as in a manifest. */
export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly [field: string]: unknown };
  readonly [field: string]: unknown;
}

/** What a test does with the API server, as its administrator. Knows nothing of the code under test. */
export interface RigClient {
  request(
    method: string,
    path: string,
    body?: unknown,
    options?: { contentType?: string; token?: string },
  ): Promise<RigResponse>;
  /** Server-side apply, in the given order, each object's status too. Fails when one is refused. */
  apply(objects: readonly KubeObject[]): Promise<void>;
  remove(objects: readonly KubeObject[]): Promise<void>;
  /** "/api/v1/namespaces/default/pods/web". */
  pathOf(object: KubeObject): Promise<string>;
  /** A token as a pod of this service account has it; the account is made if need be. */
  mintToken(namespace: string, serviceAccount: string, seconds?: number): Promise<string>;
}

/** Milliseconds. */
const DEFINITION_PATIENCE = 30_000;

interface Resource {
  readonly name: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

export async function createRigClient(server: string, caFile: string, adminToken: string): Promise<RigClient> {
  const agent = new Agent({ ca: await readFile(caFile), keepAlive: true, maxSockets: 20 });
  const resourcesByGroup = new Map<string, readonly Resource[]>();

  const request: RigClient["request"] = (method, path, body, { contentType, token = adminToken } = {}) =>
    httpJson(method, `${server}${path}`, body, { authorization: `Bearer ${token}` }, contentType, agent);

  const resourceOf = async ({ apiVersion, kind }: KubeObject): Promise<{ root: string; resource: Resource }> => {
    const root = `${apiVersion.includes("/") ? "/apis" : "/api"}/${apiVersion}`;
    const known = resourcesByGroup.get(root) ?? readResources((await request("GET", root)).body);
    resourcesByGroup.set(root, known);
    const resource = known.find((one) => one.kind === kind && !one.name.includes("/"));
    if (resource === undefined) throw new Error(`the API server knows no ${kind} of ${apiVersion}`);
    return { root, resource };
  };
  const pathOf = async (object: KubeObject): Promise<string> => {
    const { root, resource } = await resourceOf(object);
    const namespace = resource.namespaced ? `/namespaces/${object.metadata.namespace ?? "default"}` : "";
    return `${root}${namespace}/${resource.name}/${object.metadata.name}`;
  };
  /** What is defined is served, and listed, a moment later. */
  const untilServed = async (definition: KubeObject): Promise<void> => {
    const { group, names, versions } = Object(definition["spec"]);
    for (const { name } of versions) {
      const root = `/apis/${group}/${name}`;
      await until(async () => {
        const { status, body } = await request("GET", root);
        return status === 200 && readResources(body).some(({ kind }) => kind === names.kind);
      }, DEFINITION_PATIENCE);
      resourcesByGroup.delete(root);
    }
  };
  const patch = async (path: string, object: unknown) => {
    const options = { contentType: "application/apply-patch+yaml" };
    const answer = await request("PATCH", `${path}?fieldManager=weir-test&force=true`, object, options);
    if (answer.status >= 300) throw new Error(`apply ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  };
  return {
    request,
    pathOf,
    async apply(objects) {
      for (const object of objects) {
        const path = await pathOf(object);
        await patch(path, object);
        const { apiVersion, kind, status, metadata } = object;
        const identity = {
          name: metadata.name,
          ...(metadata.namespace !== undefined && { namespace: metadata.namespace }),
        };
        if (status !== undefined) await patch(`${path}/status`, { apiVersion, kind, metadata: identity, status });
        if (kind === "CustomResourceDefinition") await untilServed(object);
      }
    },
    async remove(objects) {
      for (const object of objects) {
        const answer = await request("DELETE", `${await pathOf(object)}?gracePeriodSeconds=0`);
        if (answer.status >= 300 && answer.status !== 404) throw new Error(`delete: ${JSON.stringify(answer.body)}`);
      }
    },
    async mintToken(namespace, serviceAccount, seconds = 3600) {
      const accounts = `/api/v1/namespaces/${namespace}/serviceaccounts`;
      // 409: it is there already.
      await request("POST", accounts, { metadata: { name: serviceAccount } });
      const answer = await request("POST", `${accounts}/${serviceAccount}/token`, {
        spec: { expirationSeconds: seconds },
      });
      const token: unknown = Reflect.get(Object(Reflect.get(Object(answer.body), "status")), "token");
      if (typeof token !== "string") throw new Error(`no token: ${JSON.stringify(answer.body)}`);
      return token;
    },
  };
}

function readResources(body: unknown): readonly Resource[] {
  const list: unknown = Reflect.get(Object(body), "resources");
  if (!Array.isArray(list)) throw new Error(`no list of resources: ${JSON.stringify(body)}`);
  return list.map(({ name, kind, namespaced }) => ({
    name: String(name),
    kind: String(kind),
    namespaced: namespaced === true,
  }));
}

export async function httpJson(
  method: string,
  url: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
  contentType = "application/json",
  agent?: Agent,
): Promise<RigResponse> {
  const text = body === undefined ? undefined : JSON.stringify(body);
  const send = url.startsWith("https:") ? requestTls : requestPlain;
  return new Promise((resolve, reject) => {
    const options = {
      method,
      agent,
      headers: { ...headers, ...(text !== undefined && { "content-type": contentType }) },
    };
    const request = send(url, options, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, body: parse(Buffer.concat(chunks).toString()) }),
      );
    });
    request.on("error", reject);
    request.end(text);
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
