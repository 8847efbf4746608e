import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { start } from '../../deploy/local/processes.ts'
import { waitUntil } from './haproxy.ts'
import { freePort } from './ports.ts'

/** What Orthanc tells of a job, in part. */
export interface Job {
  State: 'Pending' | 'Running' | 'Success' | 'Failure' | 'Paused' | 'Retry'
  ErrorDetails?: string
}

/** Another node, as Orthanc knows it. */
export interface Modality {
  AET: string
  Host: string
  Port: number
  /** from which Orthanc calls */
  LocalAet?: string
}

/** An Orthanc of the test's own; the machine's service is left alone. */
export interface Orthanc {
  /** what its REST API answers; with `body`, to a POST */
  ask(path: string, body?: unknown): Promise<unknown>
  /** makes another node known by this name, whoever had it before */
  know(name: string, modality: Modality): Promise<void>
  /** keeps a Part 10 file, unless it has it; the result is the instance's id in Orthanc */
  upload(file: string): Promise<string>
  /** starts a job that sends these instances in this order, in one association; the result is the job's id */
  store(instances: readonly string[], port: number, options: Record<string, unknown>): Promise<string>
  /** the job, once it has ended */
  ended(job: string): Promise<Job>
  /** what Orthanc logged from the job's start to its first end */
  logged(job: string): Promise<string>
  resubmit(job: string): Promise<void>
  stop(): Promise<void>
}

/** Starts it with a modality for each of these ports; it only sends, unless `settings` say more; `logged` needs --verbose. */
export async function startOrthanc(
  ports: readonly number[],
  settings: Readonly<Record<string, unknown>> = {},
  options: readonly string[] = ['--verbose'],
): Promise<Orthanc> {
  const folder = await mkdtemp(join(tmpdir(), 'orthanc-'))
  const httpPort = await freePort()
  const configuration = {
    StorageDirectory: folder,
    IndexDirectory: folder,
    HttpPort: httpPort,
    DicomServerEnabled: false,
    DicomModalities: Object.fromEntries(
      ports.map(port => [port, { AET: 'ANY-SCP', Host: '127.0.0.1', Port: port }]),
    ),
    ...settings,
  }
  await writeFile(join(folder, 'orthanc.json'), JSON.stringify(configuration))
  const running = await start({
    name: 'Orthanc',
    command: ['Orthanc', ...options, join(folder, 'orthanc.json')],
    env: { TCP_NODELAY: '1' },
  })

  async function request(
    method: string,
    path: string,
    body?: Uint8Array<ArrayBuffer> | string,
  ): Promise<unknown> {
    const response = await fetch(`http://127.0.0.1:${httpPort}${path}`, { method, ...(body && { body }) })
    const text = await response.text()
    assert.ok(response.ok, `${path}: ${response.status} ${text}`)
    return text === '' ? undefined : JSON.parse(text)
  }
  const ask: Orthanc['ask'] = (path, body) =>
    body === undefined ? request('GET', path) : request('POST', path, JSON.stringify(body))
  const idOf = (answer: unknown) => (answer as { ID: string }).ID

  async function stop(): Promise<void> {
    await running.stop()
    await rm(folder, { recursive: true })
  }
  try {
    await running.wrote(/Orthanc has started/)
  } catch (error) {
    await stop()
    throw error
  }
  return {
    ask,
    async know(name, modality) {
      await request('PUT', `/modalities/${name}`, JSON.stringify(modality))
    },
    upload: async file => idOf(await request('POST', '/instances', new Uint8Array(await readFile(file)))),
    async store(instances, port, options) {
      const job = { Resources: instances, Asynchronous: true, ...options }
      return idOf(await ask(`/modalities/${port}/store`, job))
    },
    ended: job =>
      waitUntil(async () => {
        const now = (await ask(`/jobs/${job}`)) as Job
        return ['Success', 'Failure'].includes(now.State) ? now : undefined
      }),
    async logged(job) {
      const [, log = ''] = await running.wrote(
        new RegExp(`New job submitted.*${job}\n([^]*?)Job has completed.*${job}`),
      )
      return log
    },
    async resubmit(job) {
      await ask(`/jobs/${job}/resubmit`, {})
    },
    stop,
  }
}
