import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { z } from 'zod'
import { createAdmin } from '../../agent/admin/server.ts'
import { start as startProgram } from '../../deploy/local/processes.ts'
import { agentOf } from '../admin/support.ts'
import { start } from '../reload/support.ts'
import { cli, folderOf, root } from './support.ts'

const check = (files: Record<string, string>, ...args: string[]) =>
  cli(['check', ...args, 'rules'], { cwd: folderOf(files) })

const problem = z.strictObject({
  file: z.string(),
  line: z.int().positive(),
  column: z.int().positive(),
  rule: z.string().optional(),
  test: z.string().optional(),
  message: z.string(),
})
const checked = z.strictObject({
  errors: z.array(problem),
  warnings: z.array(problem),
  rules: z.array(
    z.strictObject({
      rule: z.string(),
      file: z.string(),
      line: z.int().positive(),
      path: z.enum(['direct', 'delayed', 'direct or delayed', 'never']),
      why: z.string(),
    }),
  ),
})

const twoRules = `rules:
  - name: archive
    when: { callingAE: ARCHIVE }
    route: ct
  - name: CT
    when:
      Modality: CT
    route: ct
    stick: PatientID
default: general
`
const pacs =
  'backend ct from pacs\n    balance hash var(txn.dicom.key)\n    server CT 127.0.0.1:1\nbackend general from pacs\n    server G 127.0.0.1:2\n'

describe('check', () => {
  test('finds nothing wrong with the rules of the demo, and nothing to warn of', () => {
    const { code, stdout, stderr } = cli(['check', '--strict'])
    assert.equal(stderr, '')
    assert.equal(code, 0)
    assert.equal(
      stdout,
      `  rule     path     why
  CT       delayed  needs Modality
  MR       delayed  needs Modality
  default  delayed  rule "CT" before it needs Modality

agent/rules: 0 errors, 0 warnings
`,
    )
  })

  test('says which path each rule causes, and why', () => {
    const { code, stdout } = check({ 'rules/r.yaml': twoRules, 'haproxy/pacs.cfg': pacs })
    assert.equal(code, 0)
    assert.equal(
      stdout,
      `  rule     path     why
  archive  direct   needs no tags
  CT       delayed  needs Modality
  default  delayed  rule "CT" before it needs Modality

rules: 0 errors, 0 warnings
`,
    )
  })

  test('points at all the mistakes of a newcomer at once', () => {
    const { code, stdout } = check({
      'rules/1.yaml': `rules:
  - name: CT
    when:
      Modalty: CT
      CallingAE: MOD1
      calledAE: 0001
    rout: ct
  - name: night
\tin: here
`,
      'rules/2.yaml': `pools:
  ct: { transferSyntaxes: [JPEG2000] }
rules:
  - name: CT
    when: { sopClass: CT, source: 10.1.*, callingAE: [A, 1E5] }
    route: ct
  - name: MR
    when: { Modality: MR }
    reject: because
    Modality: MR
`,
    })
    assert.equal(code, 1)
    assert.equal(
      stdout,
      `rules/1.yaml:4:7: rule "CT": "Modalty" is not a DICOM keyword; did you mean Modality?
    4 |       Modalty: CT
      |       ^
rules/1.yaml:5:7: rule "CT": "CallingAE" is no fact; did you mean callingAE?
    5 |       CallingAE: MOD1
      |       ^
rules/1.yaml:6:17: rule "CT": 0001 is a number in YAML: quote it: "0001"
    6 |       calledAE: 0001
      |                 ^
rules/1.yaml:7:5: rule "CT": unknown key "rout": a rule has name, description, enabled, when, route, reject, stick, mixed; did you mean route?
    7 |     rout: ct
      |     ^
rules/1.yaml:9:1: not YAML: indent with spaces, not with tabs
    9 | \tin: here
      | ^
rules/2.yaml:2:28: unknown transfer syntax "JPEG2000": use its UID
    2 |   ct: { transferSyntaxes: [JPEG2000] }
      |                            ^
rules/2.yaml:4:11: rule "CT": another rule has this name: choose another
    4 |   - name: CT
      |           ^
rules/2.yaml:5:23: rule "CT": unknown SOP class "CT": did you mean "CT Image Storage"?
    5 |     when: { sopClass: CT, source: 10.1.*, callingAE: [A, 1E5] }
      |                       ^
rules/2.yaml:5:35: rule "CT": "10.1.*" is no address or network, such as 10.1.2.3, 10.1.0.0/16 or 2001:db8::/32
    5 |     when: { sopClass: CT, source: 10.1.*, callingAE: [A, 1E5] }
      |                                   ^
rules/2.yaml:5:58: rule "CT": 1E5 is a number in YAML: quote it: "1E5"
    5 |     when: { sopClass: CT, source: 10.1.*, callingAE: [A, 1E5] }
      |                                                          ^
rules/2.yaml:9:13: rule "MR": unknown reason "because": one of no-reason-given, application-context-name-not-supported, calling-ae-title-not-recognized, called-ae-title-not-recognized, acse-no-reason-given, protocol-version-not-supported, temporary-congestion, local-limit-exceeded
    9 |     reject: because
      |             ^
rules/2.yaml:10:5: rule "MR": Modality is a condition: indent it below when
   10 |     Modality: MR
      |     ^
rules: 12 errors, 0 warnings
`,
    )
  })

  test('puts the caret where the place is, behind tabs, too', () => {
    const { stdout } = check({ 'rules/r.yaml': 'rules: [{ name: R,\t\twhen: { Modalty: CT }, route: a }]\n' })
    assert.match(
      stdout,
      /\n {4}1 \| rules: \[\{ name: R,\t\twhen: \{ Modalty: CT \}, route: a \}\]\n {6}\| {19}\t\t {8}\^\n/,
    )
  })

  test('warns of pools that HAProxy does not have, and of those that cannot keep together', () => {
    const files = {
      'rules/r.yaml':
        'rules:\n  - { name: A, when: { callingAE: A }, route: generl }\n  - { name: B, when: { callingAE: B }, route: general, stick: callingAE }\ndefault: far-away\n',
      'haproxy/pacs.cfg': pacs,
      'other.cfg':
        'backend generl\n    balance hash src\nbackend general # one\nbackend far-away\n  # balance hash x\n    balance leastconn\n',
    }
    const { code, stdout } = check(files)
    assert.equal(code, 0)
    assert.equal(
      stdout.slice(stdout.indexOf('\n\n') + 2),
      `rules/r.yaml:2:47: warning: rule "A": haproxy/pacs.cfg has no backend "generl"; did you mean general?
    2 |   - { name: A, when: { callingAE: A }, route: generl }
      |                                               ^
rules/r.yaml:3:63: warning: rule "B": stick does nothing: backend general in haproxy/pacs.cfg has no \`balance hash var(txn.dicom.key)\`
    3 |   - { name: B, when: { callingAE: B }, route: general, stick: callingAE }
      |                                                               ^
rules/r.yaml:4:10: warning: haproxy/pacs.cfg has no backend "far-away"; there are ct, general
    4 | default: far-away
      |          ^
rules: 0 errors, 3 warnings
`,
    )
    assert.equal(check(files, '--strict').code, 1)
    assert.match(
      check(files, '--pacs', 'other.cfg').stdout,
      /rule "B": stick does nothing.*other\.cfg[\s\S]*0 errors, 1 warning\n/,
    )
  })

  test('warns of every pool of a list, of weights and of undecided', () => {
    const { stdout } = check({
      'rules/r.yaml':
        'undecided: far\nrules:\n  - { name: A, when: { callingAE: A }, route: [general, near] }\ndefault: { route: { ct: 5, new: 95 } }\n',
      'haproxy/pacs.cfg': pacs,
    })
    const places = [
      ...stdout.matchAll(
        /^rules\/r\.yaml:(\d+:\d+): warning: (?:rule "A": )?haproxy\/pacs\.cfg has no backend "(\w+)"/gm,
      ),
    ]
    assert.deepEqual(
      places.map(([, place, name]) => [place, name]),
      [
        ['1:12', 'far'],
        ['3:57', 'near'],
        ['4:28', 'new'],
      ],
    )
  })

  test('knows the pools of no other folder', () => {
    const { stdout } = check({ 'rules/r.yaml': 'default: nowhere\n' })
    assert.match(stdout, /0 errors, 0 warnings/)
  })

  test('fails where the rules fail their own tests', () => {
    const { code, stdout } = check({
      'rules/r.yaml': `${twoRules}tests: [{ name: T, given: { callingAE: A }, expect: { route: ct } }]\n`,
    })
    assert.equal(code, 1)
    assert.match(
      stdout,
      /^rules\/r\.yaml:11:62: test "T": expected route ct, got general \(rule "default"\)\n/,
    )
  })

  test('has the same for programs', () => {
    const right = check({ 'rules/r.yaml': twoRules, 'haproxy/pacs.cfg': '' }, '--json')
    assert.equal(right.code, 0)
    const { rules, warnings } = checked.parse(JSON.parse(right.stdout))
    assert.deepEqual(rules[1], {
      rule: 'CT',
      file: 'rules/r.yaml',
      line: 5,
      path: 'delayed',
      why: 'needs Modality',
    })
    assert.equal(warnings.length, 3)

    const wrong = check({ 'rules/r.yaml': 'rules: [{ name: A, route: 5 }, R]\n' }, '--json')
    assert.equal(wrong.code, 1)
    assert.deepEqual(
      checked.parse(JSON.parse(wrong.stdout)).errors.map(({ line, column, rule }) => [line, column, rule]),
      [
        [1, 27, 'A'],
        [1, 32, '#2'],
      ],
    )
  })

  test('colours what people see, and nothing else', () => {
    const cwd = folderOf({ 'rules/r.yaml': 'rules: [R]\n' })
    const run = (env: Record<string, string>) => cli(['check', 'rules'], { cwd, env }).stdout
    assert.ok(!run({}).includes('\x1b['))
    assert.ok(run({ FORCE_COLOR: '1' }).includes('\x1b['))
  })
})

describe('the tool', () => {
  const table: [args: string[], code: number, stderr: RegExp][] = [
    [[], 2, /^$/],
    [['--help'], 0, /^$/],
    [['chek'], 2, /^there is no command "chek"; did you mean check\?/],
    [['frobnicate'], 2, /there are check, test, explain, diff, schema/],
    [['check', '--colour'], 2, /Unknown option '--colour'[\s\S]*check --help/],
    [['check', 'nowhere'], 2, /^nowhere: there is no such file or folder/],
    [['check', 'README.md'], 2, /^README\.md: this is no folder/],
    [['check', 'a', 'b'], 2, /^one folder at a time: what is "b" for\?/],
    [['check', '--pacs', 'nowhere.cfg'], 2, /^nowhere\.cfg: there is no such file or folder/],
    [['test', 'nowhere'], 2, /^nowhere: /],
    [['explain'], 2, /^which files\?/],
    [['explain', '--rules', 'nowhere', 'dicom-samples'], 2, /^nowhere: /],
    [['explain', 'nowhere.dcm'], 2, /^nowhere\.dcm: there is no such file or folder/],
    [['diff', 'agent/rules'], 2, /^which rules\?/],
    [['diff', 'agent/rules', 'agent/rules'], 2, /^which files\?/],
    [['schema', 'agent/rules'], 2, /^schema takes nothing/],
  ]
  for (const [args, code, stderr] of table) {
    test(`node agent/cli.ts ${args.join(' ')}: ${code}`, () => {
      const ran = cli(args, { cwd: root })
      assert.match(ran.stderr, stderr)
      assert.equal(ran.code, code)
    })
  }

  for (const name of ['check', 'test', 'explain', 'diff', 'schema']) {
    test(`helps with ${name}`, () => {
      const { code, stdout } = cli([name, '--help'])
      assert.equal(code, 0)
      assert.match(stdout, new RegExp(`^node agent/cli\\.ts ${name} `))
      const [usage = '', ...help] = stdout.split('\n\n')
      for (const [option] of usage.matchAll(/--\w+/g)) assert.ok(help.join().includes(option), option)
    })
  }
})

describe('check, where the clients of an agent cannot be told apart by their addresses,', () => {
  const bySource = `rules:
  - name: ward
    when: { not: { source: 10.1.0.0/16 } }
    route: ct
default: ct
`
  async function checkBeside(t: TestContext, gateway: string | undefined, rules: string) {
    const folder = folderOf({ 'rules/a.yaml': rules })
    const { rules: live, log } = await start(join(folder, 'rules'))
    const admin = createAdmin({ ...agentOf(live), sources: { gateway } }, log)
    t.after(() => admin.close())
    const agent = (await admin.listen({ host: '127.0.0.1', port: 0 })).replace('http://', '')
    const command = [process.execPath, join(root, 'agent/cli.ts'), 'check', '--agent', agent] as const
    const ran = await startProgram({ name: 'check', command: [...command, join(folder, 'rules')] })
    assert.equal(await ran.ended, 0)
    return ran.output()
  }

  test('warns of rules that look at these', async t => {
    assert.match(
      await checkBeside(t, '172.18.0.1', bySource),
      /a\.yaml:3:5: warning: rule "ward": source tells nothing: all clients seem to come from 172\.18\.0\.1/,
    )
  })
  test('and not of others', async t => {
    assert.match(await checkBeside(t, '172.18.0.1', 'default: ct\n'), /0 errors, 0 warnings/)
  })
  test('and says nothing where they can be', async t => {
    assert.match(await checkBeside(t, undefined, bySource), /0 errors, 0 warnings/)
  })
})
