// What a site would use instead, to send each image to the archive that its tags say.
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { answering } from '../../deploy/local/ports.ts'
import { start as startProcess } from '../../deploy/local/processes.ts'
import { startBalancer } from '../support/balancer.ts'
import { waitUntil } from '../support/haproxy.ts'
import { startOrthanc } from '../support/orthanc.ts'
import { freePort } from '../support/ports.ts'
import { figure, ratio } from './figures.ts'
import { within } from './measure.ts'
import type { Goal, Section, Table } from './page.ts'
import { type Listener, startLoader, startSink } from './processes.ts'
import { inRounds, scaled } from './scale.ts'
import { type Start, withStarted } from './started.ts'
import { noLimits } from './ways.ts'

const how = `
One association sends CT images of different instances. What stands between sends each to where its Modality says, here always the
same sink. Measured from the connection until the sink has stored all of them, however long ago the client was told "success": ours
tells it when the sink does, the two others when they have the file.

Orthanc has a script in Lua that sends each instance to the archive of its Modality (SendToModality) and then deletes it.
storescp (--fork) starts a script for each file (--exec-on-reception), which looks at the Modality with dcmdump, sends the file with
storescu, proposing what it needs (--required), and deletes it; scripts run beside each other.`

/** What stands between, and where. */
interface Router {
  port: number
  /** resolves when nothing of what was sent before is left in it */
  empty?(): Promise<unknown>
}

const routers = {
  'ours, delayed': startOurs,
  'Orthanc, Lua': startOrthancRouter,
  'storescp and storescu': startScript,
} satisfies Record<string, (start: Start, sink: Listener) => Promise<Router>>

type RouterName = keyof typeof routers
const routerNames = Object.keys(routers) as RouterName[]

/** A rate needs some seconds, whatever it is: each gets so many instances in one association. */
const counts: Readonly<Record<RouterName, number>> = {
  'ours, delayed': 1_000,
  'Orthanc, Lua': 200,
  'storescp and storescu': 50,
}

const sizes = { '512 KB': 512 * 1024, '20 KB': 20 * 1024 }

const shape = { associations: 1, parallel: 1, studies: 1, pduLength: 16_384 }

/** The sink tells whenever it has so many more. */
const step = 10

/** Seconds, after which something is lost. */
const runLimit = 120

export function routed(): Promise<Section> {
  return withStarted(async start => {
    const loader = await start(startLoader())
    const sink = await start(startSink(step))
    const started = {} as Record<RouterName, Router>
    for (const name of routerNames) started[name] = await routers[name](start, sink)
    let stored = 0

    /** Instances in a second. */
    async function route(name: RouterName, size: number): Promise<number> {
      const { port, empty } = started[name]
      await empty?.()
      const instances = Math.ceil(scaled(counts[name]) / step) * step
      stored += instances
      const before = performance.now()
      await loader.run({ ...shape, port, instances, size })
      await within(runLimit, sink.wrote(new RegExp(`"stored":${stored}}`)))
      return (instances / (performance.now() - before)) * 1000
    }

    const tables: Table[] = []
    const goals: Goal[] = []
    for (const [title, size] of Object.entries(sizes)) {
      const variants = Object.fromEntries(routerNames.map(name => [name, () => route(name, size)]))
      const rounds = await inRounds(`routed, ${title}`, variants)
      const toOrthanc = (name: RouterName) => ratio(rounds, name, 'Orthanc, Lua', perSecond => perSecond)
      tables.push({
        caption: `Instances of ${title}`,
        columns: ['instances/s', 'MB/s', 'to Orthanc'],
        rows: routerNames.map(name => ({
          name,
          cells: [
            figure(rounds, name, perSecond => perSecond, 0),
            figure(rounds, name, perSecond => (perSecond * size) / 1e6, 1),
            toOrthanc(name),
          ],
        })),
      })
      goals.push({
        goal: `ours, delayed, ${title}: throughput to Orthanc with a Lua script`,
        must: 'at least',
        be: 5,
        figure: toOrthanc('ours, delayed'),
      })
    }
    return { title: 'Instead: routing by tag', how, tables, goals }
  })
}

async function startOurs(start: Start, sink: Listener): Promise<Router> {
  const { port } = await start(
    startBalancer({
      rules: 'rules: [{ name: CT, when: { Modality: CT }, route: ct }]',
      pools: { ct: [{ name: 'CT', port: sink.port }] },
      env: noLimits,
    }),
  )
  return { port }
}

/** What https://orthanc.uclouvain.be/book/users/lua.html shows as automated routing. */
const lua = (modality: number) => `
function OnStoredInstance(instanceId, tags, metadata)
  if tags['Modality'] == 'CT' then
    Delete(SendToModality(instanceId, '${modality}'))
  end
end
`

async function startOrthancRouter(start: Start, sink: Listener): Promise<Router> {
  const { path } = await start(temporaryFolder())
  const script = join(path, 'route.lua')
  await writeFile(script, lua(sink.port))
  const port = await freePort()
  const settings = { DicomServerEnabled: true, DicomPort: port, LuaScripts: [script] }
  const { ask } = await start(startOrthanc([sink.port], settings, []))
  const empty = () => waitUntil(async () => ((await ask('/instances')) as unknown[]).length === 0)
  return { port, empty }
}

const script = (port: number) => `#!/bin/sh
case $(dcmdump --search Modality "$1") in
    *'[CT]'*) storescu --required --aetitle ROUTER --call CT 127.0.0.1 ${port} "$1" ;;
esac
rm "$1"
`

async function startScript(start: Start, sink: Listener): Promise<Router> {
  const { path } = await start(temporaryFolder())
  const [file, received] = [join(path, 'route.sh'), join(path, 'received')]
  await writeFile(file, script(sink.port))
  await chmod(file, 0o755)
  await mkdir(received)
  const port = await freePort()
  await start(
    startProcess({
      name: 'storescp',
      command: ['storescp', '--fork', '-od', received, '--exec-on-reception', `${file} #p/#f`, String(port)],
      env: { TCP_NODELAY: '1' },
      ownGroup: true,
    }),
  )
  await answering(port)
  return { port, empty: () => waitUntil(async () => (await readdir(received)).length === 0) }
}

async function temporaryFolder() {
  const path = await mkdtemp(join(tmpdir(), 'bench-'))
  return { path, stop: () => rm(path, { recursive: true }) }
}
