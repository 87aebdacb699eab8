import assert from "node:assert/strict";
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLog } from "#base/log.ts";
import { SocketInUseError, startControlServer } from "#controller/node/http/control-server.ts";
import type { FlowFilter, NodeView } from "#controller/node/http/node-view.ts";
import type { Listening } from "#controller/process/listening.ts";
import { sampleFlow, sampleView } from "./sample-view.ts";

describe("The control server", () => {
  let directory: string;
  let socket: string;
  let server: Listening | undefined;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "weir-control-"));
    socket = join(directory, "run", "control.sock");
  });
  afterEach(async () => {
    await server?.close();
    server = undefined;
    await rm(directory, { recursive: true });
  });

  async function serve(view: NodeView = sampleView()): Promise<void> {
    server = await startControlServer({ socket, view, log: silentLog });
  }

  function get(path: string, method = "GET"): Promise<{ status: number; body: string }> {
    return new Promise((resolve, reject) => {
      const outgoing = request({ socketPath: socket, path, method, agent: false }, (response) => {
        let body = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => (body += chunk));
        response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
        response.on("error", reject);
      });
      outgoing.on("error", reject);
      outgoing.end();
    });
  }

  it("serves each part of the view", async () => {
    await serve();
    const view = sampleView();
    assert.deepEqual(JSON.parse((await get("/v1/status")).body), view.status());
    assert.deepEqual(JSON.parse((await get("/v1/pods")).body), view.pods());
    assert.deepEqual(JSON.parse((await get("/v1/nodes")).body), view.nodes());
    assert.deepEqual(JSON.parse((await get("/v1/problems")).body), view.problems());
    assert.deepEqual(JSON.parse((await get("/v1/flows")).body), sampleFlow);
    assert.deepEqual(JSON.parse((await get("/v1/owners")).body), [...view.owners()][0]);
  });

  it("opens its socket to root only, and makes its folder", async () => {
    await serve();
    assert.equal((await stat(socket)).mode & 0o777, 0o600);
  });

  it("hands the filter on, with tables by name or number", async () => {
    const filters: FlowFilter[] = [];
    await serve(
      sampleView({
        flows: async (filter) => {
          filters.push(filter);
          return [];
        },
      }),
    );
    await get("/v1/flows?pod=default/web");
    await get("/v1/flows?table=route&owner=node/n2");
    await get("/v1/flows?table=70");
    assert.deepEqual(filters, [{ pod: "default/web" }, { table: 70, owner: "node/n2" }, { table: 70 }]);
  });

  it("says what is wrong with a request, and what would be right", async () => {
    await serve();
    for (const [path, status, message] of [
      ["/v1/flows?table=Rout", 400, /there is no table Rout; there are Classify \(0\)/],
      ["/v1/flows?pod=web", 400, /pod web is not NAMESPACE\/NAME/],
      ["/v1/flows?nmae=x", 400, /flows takes pod, table, owner, not nmae/],
      ["/v1/services?nmae=x", 400, /services takes name, not nmae/],
      ["/v1/groups?pod=x", 400, /groups takes owner, not pod/],
      ["/v2", 404, /there is no \/v2; there are \/v1\/status/],
      ["/__proto__", 404, /there is no/],
    ] as const) {
      const reply = await get(path);
      assert.equal(reply.status, status, path);
      assert.match(reply.body, message);
    }
    assert.equal((await get("/v1/status", "DELETE")).status, 405);
  });

  it("tells a failure of the view as an error, and goes on", async () => {
    await serve(sampleView({ flows: () => Promise.reject(new Error("the switch is away")) }));
    const reply = await get("/v1/flows");
    assert.equal(reply.status, 500);
    assert.match(reply.body, /the switch is away/);
    assert.equal((await get("/v1/pods")).status, 200);
  });

  it("makes a long list only as fast as it is read", async () => {
    let made = 0;
    function* endless(): Generator<typeof sampleFlow> {
      for (; made < 200_000; made++) yield sampleFlow;
    }
    await serve(sampleView({ flows: async () => endless() }));
    const early = await new Promise<number>((resolve, reject) => {
      const outgoing = request({ socketPath: socket, path: "/v1/flows", agent: false }, (response) => {
        response.once("readable", () => {
          // Nothing more is read: once the buffers are full the generator stands still until the reader is gone.
          const settled = (before: number): void => {
            if (made === before) {
              response.destroy();
              resolve(made);
            } else setTimeout(settled, 100, made);
          };
          setTimeout(settled, 100, made);
        });
      });
      outgoing.on("error", reject);
      outgoing.end();
    });
    assert.ok(early < 50_000, `${early} made`);
    assert.equal((await get("/v1/pods")).status, 200);
  });

  it("takes over the socket of a process that died, not that of one that lives", async () => {
    await serve();
    await assert.rejects(startControlServer({ socket, view: sampleView(), log: silentLog }), SocketInUseError);
    await server?.close();
    await writeFile(socket, "");
    await serve();
    assert.equal((await get("/v1/status")).status, 200);
  });
});
