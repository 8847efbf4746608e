import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Running } from '../../deploy/local/processes.ts'
import { type Balancer, startBalancer } from '../support/balancer.ts'
import { dcmtk, startDcmqrscp, startStorescp } from '../support/dcmtk.ts'
import { freePort } from '../support/ports.ts'

const samples = fileURLToPath(new URL('../../dicom-samples/', import.meta.url))

const rules = `
pools:
  ct: &accepts
    transferSyntaxes: [Explicit VR Little Endian, Implicit VR Little Endian, Explicit VR Big Endian (Retired)]
  direct: *accepts
  pelvis: *accepts
  patient: *accepts
  institution: *accepts
  mr: *accepts
  general: *accepts
  archive: { calledAE: ARCHIVE, transferSyntaxes: [Explicit VR Little Endian, Implicit VR Little Endian] }
rules:
  - { name: archive by calling AE, when: { callingAE: QUERY-SCU }, route: archive }
  - { name: archive by tag, when: { callingAE: STORE-SCU, Modality: CT }, route: archive }
  - { name: by calling AE, when: { callingAE: "DIRECT*" }, route: direct }
  - { name: by SOP class, when: { sopClass: [Verification, XRay Angiographic Image Storage] }, route: direct }
  - { name: by body part, when: { BodyPartExamined: [KNEE, PELVIS] }, route: pelvis }
  - { name: by patient, when: { PatientID: KAS-2001 }, route: patient }
  - { name: by institution, when: { InstitutionName: "*, Übungsstadt" }, route: institution }
  - { name: CT, when: { Modality: CT }, route: ct }
  - { name: MR, when: { Modality: MR, source: [127.0.0.0/8, "::1"] }, route: mr }
default: general
`

describe('routing, with the clients and servers of DCMTK', () => {
  const storing = ['direct', 'pelvis', 'patient', 'institution', 'ct', 'mr', 'general']
  const running: Running[] = []
  let folder = ''
  let movePort = 0
  let balancer: Balancer

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'routing-'))
    const ports = new Map<string, number>()
    for (const pool of storing) {
      await mkdir(join(folder, pool))
      const node = await startStorescp(join(folder, pool))
      running.push(node)
      ports.set(pool, node.port)
    }
    movePort = await freePort()
    await mkdir(join(folder, 'archive'))
    const archive = await startDcmqrscp(join(folder, 'archive'), { 'MOVE-SCU': movePort })
    running.push(archive)
    ports.set('archive', archive.port)
    balancer = await startBalancer({
      rules,
      pools: Object.fromEntries([...ports].map(([pool, port]) => [pool, [{ name: 'ARCHIVE', port }]])),
    })
  })

  after(async () => {
    await balancer?.stop()
    await Promise.all(running.map(node => node.stop()))
    await rm(folder, { recursive: true })
  })

  function send(file: string, callingAE = 'DCMSEND'): Promise<{ code: number | string; output: string }> {
    const port = String(balancer.port)
    return dcmtk(
      'dcmsend',
      '-aet',
      callingAE,
      '-aec',
      'ANY-SCP',
      '-dn',
      'localhost',
      port,
      join(samples, file),
    )
  }

  const cases = [
    ['ct-head-1.dcm', 'ct', 'CT', 'delayed'],
    ['mr-brain.dcm', 'mr', 'MR', 'delayed'],
    ['ct-pelvis-private-tags.dcm', 'pelvis', 'by body part', 'delayed'],
    ['ct-chest.dcm', 'patient', 'by patient', 'delayed'],
    ['ct-neck-big-endian.dcm', 'institution', 'by institution', 'delayed'],
    ['mg-breast.dcm', 'general', 'default', 'delayed'],
    ['xa-heart-cine.dcm', 'direct', 'by SOP class', 'direct'],
  ] as const
  for (const [index, [file, pool, rule, path]] of cases.entries()) {
    test(`${file} goes to ${pool} on the ${path} path`, async () => {
      const before = await readdir(join(folder, pool))
      const { code, output } = await send(file, `CASE-${index}`)
      assert.equal(code, 0, output)
      assert.equal((await readdir(join(folder, pool))).length, before.length + 1)
      const line = await balancer.logLine(`CASE-${index}`)
      assert.match(line, new RegExp(` ${path} ${pool}/ARCHIVE rule="${rule}" `))
    })
  }

  test('the calling AE title decides without the dataset', async () => {
    assert.equal((await send('ct-head-2.dcm', 'DIRECT-1')).code, 0)
    assert.match(await balancer.logLine('DIRECT-1'), / direct direct\/ARCHIVE rule="by calling AE" /)
  })

  test('no pool has more than what was meant for it', async () => {
    const counts = await Promise.all(
      storing.map(async pool => [pool, (await readdir(join(folder, pool))).length]),
    )
    assert.deepEqual(Object.fromEntries(counts), {
      ct: 1,
      mr: 1,
      pelvis: 1,
      patient: 1,
      institution: 1,
      general: 1,
      direct: 2,
    })
  })

  test('C-ECHO, C-FIND and C-MOVE pass on the direct path, the called AE title rewritten on both', async () => {
    const stored = await send('ct-head-1.dcm', 'STORE-SCU')
    assert.equal(stored.code, 0, stored.output)
    assert.match(await balancer.logLine('STORE-SCU'), / delayed archive\/ARCHIVE rule="archive by tag" /)

    const to = ['-aet', 'QUERY-SCU', '-aec', 'ANY-SCP', 'localhost', String(balancer.port)]
    const echo = await dcmtk('echoscu', ...to)
    assert.equal(echo.code, 0, echo.output)

    const keys = ['-k', 'QueryRetrieveLevel=STUDY', '-k', 'PatientID=NGH-1001', '-k', 'StudyInstanceUID']
    const find = await dcmtk('findscu', '-S', ...keys, ...to)
    assert.equal(find.code, 0, find.output)
    const study = find.output.match(/\(0020,000d\) UI \[([\d.]+)/)?.[1]
    assert.ok(study, `no study was found:\n${find.output}`)

    const moved = join(folder, 'moved')
    await mkdir(moved)
    const level = ['-k', 'QueryRetrieveLevel=STUDY', '-k', `StudyInstanceUID=${study}`]
    const into = ['-aem', 'MOVE-SCU', '+P', String(movePort), '-od', moved]
    const move = await dcmtk('movescu', '-S', ...level, ...into, ...to)
    assert.equal(move.code, 0, move.output)
    assert.equal((await readdir(moved)).length, 1)
    assert.match(
      await balancer.logLine('QUERY-SCU'),
      / direct archive\/ARCHIVE rule="archive by calling AE" /,
    )
  })

  test('HAProxy warns of nothing in its configuration', () => {
    assert.doesNotMatch(balancer.haproxy.log(), /^\[(WARNING|ALERT)\].* config : /m)
  })
  test('nothing in the logs tells who was examined', () => {
    const logs = [balancer.haproxy.log(), ...balancer.agents.map(agent => agent.output())].join('\n')
    assert.match(logs, /by patient/)
    assert.doesNotMatch(logs, /KAS-2001|NGH-100|Müller|Doe|\^/)
  })
})
