import assert from 'node:assert/strict'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Deployment } from 'kubernetes-types/apps/v1.js'
import type { ConfigMap, Container } from 'kubernetes-types/core/v1.js'
import { start } from '../../deploy/local/processes.ts'
import { manifests, root } from '../kubernetes/manifests.ts'
import { waitUntil } from '../support/haproxy.ts'
import { freePort } from '../support/ports.ts'

/** The containers of deploy/kubernetes as their manifest has them, in one network namespace, with Docker in place of a kubelet. */
export interface Pod {
  readonly port: number
  docker(...args: string[]): Promise<string>
  /** puts a ConfigMap's new content there as the kubelet does, all at once */
  swap(configMap: string, data: Readonly<Record<string, string>>): void
  container(name: string): string
  metric(series: string): Promise<number>
  /** what the kubelet does first of all when a pod is to end: resolves when it has run */
  preStop(): Promise<string>
  stop(): Promise<void>
}

/** The address at which containers find the host. */
export async function dockerHost(): Promise<string> {
  const format = '{{with index .IPAM.Config 0}}{{or .Gateway .Subnet}}{{end}}'
  // Docker tells no gateway of a bridge that it has just made: it is the first address
  return (await docker('network', 'inspect', '-f', format, 'bridge')).replace(/\.0\/\d+$/, '.1')
}

async function docker(...args: string[]): Promise<string> {
  const running = await start({ name: 'docker', command: ['docker', ...args] })
  assert.equal(await running.ended, 0, `docker ${args.join(' ')}:\n${running.output()}`)
  return running.output().trim()
}

export async function startPod(
  data: Readonly<Record<string, Readonly<Record<string, string>>>>,
): Promise<Pod> {
  const built = manifests()
  const deployment = built.find(({ kind }) => kind === 'Deployment') as Deployment
  const spec = deployment.spec?.template.spec
  assert.ok(spec)
  const prefix = `dicom-pod-test-${process.pid}`
  const image = `${prefix}-agent`
  const folder = mkdtempSync(join(tmpdir(), 'pod-'))
  chmodSync(folder, 0o755)
  const [port, stats, ...admins] = [await freePort(), await freePort(), await freePort(), await freePort()]
  let swaps = 0

  const container = (name: string) => `${prefix}-${name}`
  const names = ['network', ...[...(spec.initContainers ?? []), ...spec.containers].map(({ name }) => name)]

  function swap(configMap: string, content: Readonly<Record<string, string>>): void {
    const volume = join(folder, configMap)
    const version = `..${++swaps}`
    mkdirSync(join(volume, version), { recursive: true })
    for (const [name, text] of Object.entries(content)) {
      writeFileSync(join(volume, version, name), text)
    }
    symlinkSync(version, join(volume, '..new'))
    renameSync(join(volume, '..new'), join(volume, '..data'))
    for (const name of Object.keys(content)) {
      if (!existsSync(join(volume, name))) symlinkSync(`..data/${name}`, join(volume, name))
    }
  }

  for (const volume of spec.volumes ?? []) {
    if (volume.configMap) {
      const name = volume.configMap.name ?? ''
      const map = built.find(
        ({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === name,
      ) as ConfigMap
      swap(volume.name, data[volume.name] ?? map.data ?? {})
    } else {
      // as fsGroup leaves it
      mkdirSync(join(folder, volume.name))
      chownSync(join(folder, volume.name), 0, spec.securityContext?.fsGroup ?? 0)
      chmodSync(join(folder, volume.name), 0o2775)
    }
  }

  async function run({ name, image: wanted = '', command, args = [], env = [], ...rest }: Container) {
    const [program, ...words] = [...(command ?? []), ...args]
    const { runAsUser, runAsGroup } = spec?.securityContext ?? {}
    const { readOnlyRootFilesystem, allowPrivilegeEscalation, capabilities } = rest.securityContext ?? {}
    await docker(
      ...['run', '--detach', '--name', container(name), '--network', `container:${container('network')}`],
      ...['--user', `${runAsUser}:${runAsGroup}`],
      ...(readOnlyRootFilesystem ? ['--read-only'] : []),
      ...(allowPrivilegeEscalation === false ? ['--security-opt', 'no-new-privileges'] : []),
      ...(capabilities?.drop ?? []).flatMap(dropped => ['--cap-drop', dropped]),
      ...(rest.volumeMounts ?? []).flatMap(mount => [
        '--volume',
        `${join(folder, mount.name)}:${mount.mountPath}${mount.readOnly ? ':ro' : ''}`,
      ]),
      // a Secret's, where it has no value
      ...env.flatMap(({ name, value }) => ['--env', `${name}=${value ?? 'a secret of the pod test'}`]),
      ...(command ? ['--entrypoint', program ?? ''] : []),
      wanted.includes('dicom-agent') ? image : wanted,
      ...(command ? words : args),
    )
  }

  async function stop(): Promise<void> {
    for (const name of names)
      await docker('rm', '--force', '--volumes', container(name)).catch(() => undefined)
    await docker('rmi', '--force', image).catch(() => undefined)
    rmSync(folder, { recursive: true })
  }

  const metric = async (series: string) => {
    const text = await (await fetch(`http://127.0.0.1:${stats}/metrics`)).text()
    return Number(
      text
        .split('\n')
        .find(line => line.startsWith(`${series} `))
        ?.slice(series.length),
    )
  }
  const ready = async (port: number | undefined) => (await fetch(`http://127.0.0.1:${port}/readyz`)).ok

  try {
    const ca = `id=ca,src=${process.env.NODE_EXTRA_CA_CERTS || '/dev/null'}`
    await docker(
      'build',
      '--quiet',
      '--secret',
      ca,
      '--tag',
      image,
      '--file',
      join(root, 'agent/Dockerfile'),
      root,
    )
    const published = [
      [port, 11112],
      [stats, 8404],
      [admins[0], 9101],
      [admins[1], 9102],
    ]
    const publish = published.flatMap(([own, inside]) => ['--publish', `127.0.0.1:${own}:${inside}`])
    // what keeps the namespace, as a pod's pause container does
    const pause = ['--entrypoint', 'sleep', 'haproxy:3.2', 'infinity']
    const sysctls = (spec.securityContext?.sysctls ?? []).map(
      ({ name, value }) => `--sysctl=${name}=${value}`,
    )
    const named = ['--name', container('network'), ...sysctls]
    await docker('run', '--detach', '--init', ...named, ...publish, ...pause)
    for (const sidecar of spec.initContainers ?? []) await run(sidecar)
    for (const admin of admins) await waitUntil(() => ready(admin))
    for (const main of spec.containers) await run(main)
    await waitUntil(() => ready(stats))
  } catch (error) {
    const logs = await Promise.all(names.map(name => docker('logs', container(name)).catch(String)))
    await stop()
    throw new Error(`the pod did not start:\n${logs.join('\n')}`, { cause: error })
  }
  const [haproxy] = spec.containers
  return {
    port,
    docker,
    swap,
    container,
    metric,
    preStop: () =>
      docker('exec', container('haproxy'), ...(haproxy?.lifecycle?.preStop?.exec?.command ?? [])),
    stop,
  }
}
