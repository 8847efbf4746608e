import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { describe, test } from 'node:test'
import { z } from 'zod'
import { samples } from '../../dicom-samples/samples.ts'
import { cli, folderOf, root } from './support.ts'

const rules = `rules:
  - name: archive
    when: { callingAE: [ARCHIVE, "ARCH_*"] }
    route: ct
  - name: reports
    when: { sopClass: Enhanced SR Storage }
    route: general
  - name: heads
    when: { calledAE: HEADS, BodyPartExamined: HEAD, Modality: CT }
    route: ct
    stick: PatientID
  - name: US
    when: { Modality: US }
    reject: no-reason-given
  - name: XA
    when: { Modality: XA }
    route: general
  - name: room
    when: { tlsClientCN: ROOM_* }
    route: general
    stick: tlsClientCN
`
const sample = (name: string) => join(root, 'dicom-samples', name)

const explained = z.strictObject({
  files: z.array(
    z.strictObject({
      file: z.string(),
      path: z.enum(['direct', 'delayed']),
      rule: z.string().optional(),
      route: z.string().optional(),
      mixed: z.string().optional(),
      stick: z.array(z.string()).optional(),
      pools: z.array(z.string()).optional(),
      reject: z.string().optional(),
      transient: z.boolean().optional(),
      waitedFor: z.string().optional(),
      rules: z.array(
        z.strictObject({
          rule: z.string(),
          file: z.string(),
          line: z.int(),
          truth: z.union([z.boolean(), z.literal('unknown')]),
          conditions: z.array(
            z.strictObject({
              text: z.string(),
              truth: z.union([z.boolean(), z.literal('unknown')]),
              found: z.array(
                z.strictObject({
                  name: z.string(),
                  state: z.enum(['present', 'absent', 'unknown', 'not given']),
                  values: z.array(z.string()).optional(),
                }),
              ),
            }),
          ),
        }),
      ),
    }),
  ),
  unreadable: z.array(z.strictObject({ file: z.string(), message: z.string() })),
})

describe('explain', () => {
  const cwd = folderOf({ 'agent/rules/r.yaml': rules, 'files/below/notes.txt': 'nothing of DICOM' })
  copyFileSync(sample('ct-head-1.dcm'), join(cwd, 'head.dcm'))
  copyFileSync(sample('us-abdomen-jpeg.dcm'), join(cwd, 'files/us.dcm'))
  copyFileSync(sample('mr-knee-rle.dcm'), join(cwd, 'files/below/mr'))
  const explain = (...args: string[]) => cli(['explain', ...args], { cwd })
  const json = (...args: string[]) => explained.parse(JSON.parse(explain('--json', ...args).stdout))

  test('tells why no earlier rule matches, and what sticks', () => {
    const { code, stdout, stderr } = explain('--called', 'HEADS', 'head.dcm')
    assert.equal(stderr, '')
    assert.equal(code, 0)
    assert.equal(
      stdout,
      `head.dcm: delayed, rule "heads", route ct, stick NGH-1001
  the association alone does not tell whether rule "heads" matches; its first dataset does:
  ✖ rule "archive"  agent/rules/r.yaml:2
      callingAE: [ARCHIVE, ARCH_*]  false: not given
  ✖ rule "reports"  agent/rules/r.yaml:5
      sopClass: Enhanced SR Storage  false: "1.2.840.10008.5.1.4.1.1.2"
  ✔ rule "heads"  agent/rules/r.yaml:8
      calledAE: HEADS  true: "HEADS"
      BodyPartExamined: HEAD  true: "HEAD"
      Modality: CT  true: "CT"

`,
    )
  })

  test('tells what the association decides before any tag is known', () => {
    const { stdout } = explain('--calling', 'ARCH_2', 'head.dcm')
    assert.equal(
      stdout,
      `head.dcm: direct, rule "archive", route ct
  ✔ rule "archive"  agent/rules/r.yaml:2
      callingAE: [ARCHIVE, ARCH_*]  true: "ARCH_2"

`,
    )
  })

  test('knows the certificate that a client would show', () => {
    const { stdout } = explain('--tls-client-cn', 'ROOM_1', 'files/below/mr')
    assert.match(stdout, /^files\/below\/mr: delayed, rule "room", route general, stick ROOM_1\n/)
    assert.match(stdout, /\n {6}tlsClientCN: ROOM_\* {2}true: "ROOM_1"\n/)
  })

  test('looks into folders and below them, and passes over what is no DICOM', () => {
    const { code, stdout, stderr } = explain('files')
    assert.equal(code, 0)
    assert.equal(stderr, '1 file of another kind passed over\n')
    assert.match(stdout, /^files\/below\/mr: delayed, no rule, reject no-rule\n/)
    assert.match(stdout, /\nfiles\/us\.dcm: delayed, rule "US", reject no-reason-given\n/)
  })

  test('reads every sample as it was made, whatever its transfer syntax and character set', () => {
    const { files } = json('--rules', join(root, 'agent/rules'), join(root, 'dicom-samples'))
    assert.equal(files.length, samples.length)
    for (const { file, rules, rule, stick } of files) {
      const made = samples.find(sample => sample.file === basename(file))
      assert.ok(made)
      const [modality] = rules[0]?.conditions[0]?.found ?? []
      assert.deepEqual(modality, {
        name: 'Modality',
        state: 'present',
        values: [made.iod.modality],
      })
      assert.deepEqual(stick, rule === 'CT' ? [made.study.patient.id] : undefined)
    }
  })

  test('does not see what lies behind the head of a dataset', () => {
    const file = join(
      folderOf({
        'rules/r.yaml': 'rules: [{ name: R, when: { Modality: CT, PixelData: "*" }, route: a }]\n',
      }),
      'rules',
    )
    const head = readFileSync(sample('ct-head-1.dcm'))
    const comments = head.indexOf(Buffer.from([0x20, 0x00, 0x0d, 0x00]))
    const long = Buffer.alloc(70_000, ' ')
    const padding = Buffer.concat([
      Buffer.from([0x19, 0x00, 0x10, 0x10]),
      Buffer.from('UT\0\0'),
      Buffer.alloc(4),
      long,
    ])
    padding.writeUInt32LE(long.length, 8)
    const big = join(cwd, 'big.dcm')
    writeFileSync(big, Buffer.concat([head.subarray(0, comments), padding, head.subarray(comments)]))
    const [found] = json('--rules', file, big).files
    assert.equal(found?.reject, 'undecided')
    assert.equal(found?.rules[0]?.conditions[1]?.truth, 'unknown')
    writeFileSync(join(file, '2.yaml'), 'undecided: archive\n')
    assert.equal(json('--rules', file, big).files[0]?.route, 'archive')
  })

  test('knows that nothing comes behind the end of a file', () => {
    const folder = folderOf({
      'r.yaml': 'rules: [{ name: R, when: { DataSetTrailingPadding: "*" }, route: a }]\n',
    })
    const [found] = json('--rules', folder, 'head.dcm').files
    assert.equal(found?.rules[0]?.truth, false)
  })

  test('follows a DICOMDIR', () => {
    const media = folderOf({})
    mkdirSync(join(media, 'IMAGES'))
    copyFileSync(sample('ct-head-1.dcm'), join(media, 'IMAGES/CT1'))
    copyFileSync(sample('mr-brain.dcm'), join(media, 'IMAGES/MR1'))
    copyFileSync(sample('us-abdomen-jpeg.dcm'), join(media, 'IMAGES/US1'))
    execFileSync(
      'dcmmkdir',
      [
        '--no-xfer-check',
        '--invent',
        '+id',
        media,
        'IMAGES/CT1',
        'IMAGES/MR1',
        '+D',
        join(media, 'DICOMDIR'),
      ],
      { stdio: 'pipe', cwd: media },
    )
    const { files } = json('--rules', join(root, 'agent/rules'), join(media, 'DICOMDIR'))
    assert.deepEqual(
      files.map(({ file, route }) => [file.slice(media.length), route]),
      [
        ['/IMAGES/CT1', 'ct'],
        ['/IMAGES/MR1', 'mr'],
      ],
    )
    assert.equal(json('--rules', join(root, 'agent/rules'), media).files.length, 3)
  })

  test('says which file cannot be read, and goes on', () => {
    writeFileSync(join(cwd, 'text.dcm'), 'no image')
    const { code, stdout, stderr } = explain('text.dcm', 'head.dcm')
    assert.equal(code, 1)
    assert.match(stderr, /^text\.dcm: File Preamble: there is no DICM: not a DICOM file/)
    assert.match(stdout, /^head\.dcm: /)
    const { files, unreadable } = json('text.dcm', 'head.dcm')
    assert.deepEqual([files.length, unreadable.length], [1, 1])
  })

  test('explains rules that fail their own tests, too', () => {
    const folder = folderOf({ 'r.yaml': 'default: a\ntests: [{ name: T, expect: { route: b } }]\n' })
    assert.equal(json('--rules', folder, 'head.dcm').files[0]?.route, 'a')
  })
})
