import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { dcmtk } from '../support/dcmtk.ts'
import { type Orthanc, startOrthanc } from '../support/orthanc.ts'
import { type Node, poolOf, type Site, type SiteOptions, startSite } from './site.ts'
import { cells } from './table.ts'

/** Whom a client asks: the balancer, with the AE title of a PACS behind it. */
export interface Asked {
  site: Site
  port: number
  /** for each client and PACS another: GDCM-0 is of GDCM, and the first PACS in its cell */
  callingAE: string
  calledAE: string
  node: Node
  /** which knows the balancer by the name `lb`, with these AE titles */
  orthanc: Orthanc
}

export type Ask = (asked: Asked) => Promise<void>

export interface ServiceOptions extends SiteOptions {
  /** makes ready what is asked for */
  prepare?: (site: Site) => Promise<void>
  path?: 'direct' | 'delayed'
  /** further settings of the Orthanc that asks */
  settings?: Readonly<Record<string, unknown>>
}

/** Runs a row of the table in docs/conformance.md: a test for each client and each PACS in its cell. */
export function testService(
  service: string,
  clients: Readonly<Record<string, Ask>>,
  { prepare = async () => {}, path = 'direct', settings, ...options }: ServiceOptions = {},
): void {
  const row = cells.filter(cell => cell.service === service && cell.pacs.length > 0)

  describe(service, () => {
    let site: Site
    let orthanc: Orthanc
    before(async () => {
      // first, since it may be one of the site's nodes
      if ('Orthanc' in clients) orthanc = await startOrthanc([], settings)
      site = await startSite([...new Set(row.flatMap(({ pacs }) => pacs))], options)
      await prepare(site)
    })
    after(async () => {
      await orthanc?.stop()
      await site?.stop()
    })

    test('is tried with the clients of docs/conformance.md, and no others', () => {
      assert.deepEqual(Object.keys(clients).sort(), row.map(({ client }) => client).sort())
    })

    for (const { client, pacs } of row) {
      for (const name of pacs) {
        test(`by ${client}, of ${name}`, async () => {
          const node = site.node(name)
          const prefix = path === 'direct' ? '' : 'DELAYED-'
          const callingAE = `${prefix}${client.slice(0, 5)}-${pacs.indexOf(name)}`.toUpperCase()
          const { port } = site.balancer
          const calledAE = node.title
          if (orthanc) {
            const lb = { AET: calledAE, Host: '127.0.0.1', Port: port, LocalAet: callingAE }
            await orthanc.know('lb', lb)
          }
          await clients[client]?.({ site, port, callingAE, calledAE, node, orthanc })
          const to = `${poolOf(calledAE)}/${calledAE}`
          const line = await site.balancer.logLine(callingAE)
          assert.match(line, new RegExp(` ${path} ${to} .* refusal=- error=- `))
        })
      }
    }
  })
}

/** Runs a program to its end, which must be a good one; the result is what it has written. */
export async function run(program: string, ...args: string[]): Promise<string> {
  const { code, output } = await dcmtk(program, ...args)
  assert.equal(code, 0, output)
  return output
}

/**
 * Runs gdcmscu, which aborts itself (GDCM 3.0.21) when the association has been released, whoever the peer is: what came
 * of it, only its output and the peers tell.
 */
export async function gdcmscu({ port, callingAE, calledAE }: Asked, ...args: string[]): Promise<string> {
  const to = ['--aetitle', callingAE, '--call', calledAE, '-H', '127.0.0.1', '-p', String(port)]
  const { code, output } = await dcmtk('gdcmscu', '-D', ...args, ...to)
  assert.match(String(code), /^(0|SIGABRT)$/, output)
  return output
}

const script = fileURLToPath(new URL('odil-client.py', import.meta.url))

/** Runs odil-client.py, with the Python that Debian's packages are for. */
export function odilScript(
  service: string,
  { port, callingAE, calledAE }: Asked,
  ...keys: string[]
): Promise<string> {
  return run('/usr/bin/python3', script, service, String(port), callingAE, calledAE, ...keys)
}
