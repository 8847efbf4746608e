// No Grafana runs here: what Compose would start, and grafana.ini.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'

const cwd = fileURLToPath(new URL('../..', import.meta.url))
const own = readFileSync(`${cwd}/deploy/monitoring/grafana/grafana.ini`, 'utf8')

function configured(env: Readonly<Record<string, string>> = {}) {
  const args = ['compose', '--profile', 'monitoring', 'config', '--format', 'json', 'grafana']
  const text = execFileSync('docker', args, { cwd, env: { ...process.env, ...env }, encoding: 'utf8' })
  const { services, secrets } = JSON.parse(text)
  return { ...services.grafana, passwordFile: secrets.grafana_password.file }
}

/** Grafana's settings for its user, the environment before its file. */
function security(environment: Readonly<Record<string, string>>) {
  const setting = (key: string) =>
    environment[`GF_SECURITY_${key.toUpperCase()}`] || own.match(new RegExp(`^${key} = (.*)$`, 'm'))?.[1]
  return { user: setting('disable_initial_admin_creation') === 'false', password: setting('admin_password') }
}

describe("Grafana's user", () => {
  const inFile = '$__file{/run/secrets/grafana_password}'

  test('is not there without a password', () => {
    assert.deepEqual(security(configured().environment), { user: false, password: inFile })
  })

  test('has that of GRAFANA_PASSWORD', () => {
    const { environment } = configured({ GRAFANA_PASSWORD: 'told' })
    assert.deepEqual(security(environment), { user: true, password: 'told' })
  })

  test('has that in GRAFANA_PASSWORD_FILE', () => {
    const { environment, secrets, passwordFile } = configured({ GRAFANA_PASSWORD_FILE: '/a/file' })
    assert.deepEqual(security(environment), { user: true, password: inFile })
    assert.equal(passwordFile, '/a/file')
    assert.equal(secrets[0].target, '/run/secrets/grafana_password')
  })
})

test('Grafana is reached from this machine alone, writes nothing that lasts, and may do nothing', () => {
  const { ports, read_only, cap_drop, security_opt, volumes } = configured()
  assert.deepEqual(
    ports.map(({ host_ip }: { host_ip: string }) => host_ip),
    ['127.0.0.1'],
  )
  assert.deepEqual(
    { read_only, cap_drop, security_opt },
    { read_only: true, cap_drop: ['ALL'], security_opt: ['no-new-privileges'] },
  )
  for (const volume of volumes) assert.equal(volume.read_only, true)
})
