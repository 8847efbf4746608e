import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { answering } from '../../deploy/local/ports.ts'
import { start } from '../../deploy/local/processes.ts'
import { dcmtk } from '../support/dcmtk.ts'
import { freePort } from '../support/ports.ts'
import type { Link } from './link.ts'
import { type Part, progress } from './report.ts'
import { interleave } from './rounds.ts'
import { startBalancers } from './subjects.ts'

const rounds = 40
const sample = fileURLToPath(new URL('../../dicom-samples/ct-head-1.dcm', import.meta.url))

/** A PACS that storescu sends to: how it is started on a port, with a folder of its own, and how many instances it gets. */
interface RealPacs {
  name: string
  instances: number
  command(port: number, folder: string): Promise<[string, ...string[]]>
}

/** Orthanc as it comes, which indexes and keeps what it gets. */
export const orthanc: RealPacs = {
  name: 'Orthanc',
  instances: 100,
  async command(port, folder) {
    const configuration = {
      StorageDirectory: folder,
      IndexDirectory: folder,
      HttpServerEnabled: false,
      DicomPort: port,
      MaximumPduLength: 131072,
    }
    await writeFile(join(folder, 'orthanc.json'), JSON.stringify(configuration))
    return ['Orthanc', join(folder, 'orthanc.json')]
  },
}

/** DCMTK's storescp, which receives and forgets: as fast as it gets. */
export const storescp: RealPacs = {
  name: 'storescp --ignore',
  instances: 500,
  async command(port) {
    const options = ['--fork', '--ignore', '--promiscuous', '+xa', '--max-pdu', '131072']
    return ['storescp', ...options, String(port)]
  },
}

/** What users would see: one association of storescu, with slices of one study; over a link, or on this machine alone. */
export async function throughputTo({ name, instances, command }: RealPacs, link?: Link): Promise<Part> {
  const title = `storescu ${link ? `over ${link.rate} Gbit/s ` : ''}to ${name}, 512 KB`
  const folder = await mkdtemp(join(tmpdir(), 'bench-'))
  const slice = join(folder, 'slice.dcm')
  await dcmtk('dcmscale', '+Sxv', '512', sample, slice)
  const port = await freePort()
  const pacs = await start({ name, command: await command(port, folder), env: { TCP_NODELAY: '1' } })
  await answering(port)
  const balancers = await startBalancers(port, link && '0.0.0.0')
  const [client, ...inFront] = link ? link.client('storescu') : ['storescu']

  /** Milliseconds from the start of storescu to its end. */
  async function send(through: number): Promise<number> {
    const before = performance.now()
    const options = ['--repeat', String(instances), '+II', link?.address ?? 'localhost', String(through)]
    const { code, output } = await dcmtk(client, ...inFront, ...options, slice)
    if (code !== 0) throw new Error(output)
    return performance.now() - before
  }
  try {
    const variants = {
      'with guard': () => send(balancers.withGuard.port),
      'without guard': () => send(balancers.withoutGuard.port),
      'no balancer': () => send(port),
    }
    const measured = await interleave(rounds, variants, progress(title, rounds))
    const rates = (variant: keyof typeof variants) =>
      measured.map(round => (instances * 524.288) / round[variant])
    const lines = [
      {
        label: `${title}: throughput, with / without guard`,
        numbers: measured.map(round => round['without guard'] / round['with guard']),
        digits: 3,
        mustBe: '0.97 or more',
      },
      { label: '  with guard, MB/s', numbers: rates('with guard'), digits: 0 },
      { label: '  without guard, MB/s', numbers: rates('without guard'), digits: 0 },
      { label: '  no balancer, MB/s', numbers: rates('no balancer'), digits: 0 },
    ]
    return { title, measured: [], lines }
  } finally {
    await balancers.stop()
    await pacs.stop()
    await rm(folder, { recursive: true })
  }
}
