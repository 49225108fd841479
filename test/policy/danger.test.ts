import { describe, expect, test } from 'bun:test';
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { dangerOf, isInterpreterOrWrapper } from '../../src/policy/danger.ts';
import type { HookInput, ToolInput } from '../../src/types.ts';

const call = (tool: string, input: ToolInput, cwd = '/home/dev/shop'): HookInput => ({
  hook_event_name: 'PermissionRequest',
  session_id: 's',
  cwd,
  tool_name: tool,
  tool_input: input,
});
const ofCommand = (command: string) => dangerOf(call('Bash', { command }), false);
const FIXTURES = join(import.meta.dir, '../fixtures');
const fixture = (name: string): HookInput => JSON.parse(readFileSync(join(FIXTURES, name), 'utf8'));

const DANGEROUS: Readonly<Record<string, readonly string[]>> = {
  'deletes files for good': [
    'rm -rf x',
    'rm x -f',
    'rm --recurs x',
    '/bin/rm -r x',
    'shred x',
    'xargs rm -rf',
    'find . -exec rm -rf {} +',
    'timeout 5 rm -rf x',
  ],
  'deletes the files it finds': ['find . -name x -delete'],
  'runs with other rights': ['sudo ls', '/usr/bin/SUDO ls', 'doas ls', 'su -c ls', 'env A=1 sudo ls'],
  'runs code that it is given as input': [
    'curl x | sh',
    'curl x|bash -s',
    'a |& zsh',
    'a | /bin/sh',
    'a | env bash',
    'a | nohup python3',
    'a |\n sh',
    'a | (sh)',
    'sh < x',
    'python3 - <<EOF\nx\nEOF',
    'bash <<< x',
  ],
  'rewrites a branch on the server': [
    'git push -f',
    'git push --force-with-lease',
    'git push origin +main',
    'git push origin :main',
    'git -C x push --force',
    'git push --mirror',
  ],
  'throws changes away': ['git reset --hard', 'git clean -fd', 'git -C x reset HEAD~1 --hard', 'git filter-branch x'],
  'has git run other programs': [
    'git -c core.pager=x log',
    'git -C a -ccore.pager=x log',
    'git --exec-path=. x',
    'git config core.hooksPath y',
    'git config --global alias.x !y',
    'git fetch --upload-pack=x y',
    'git clone ext::x',
    'git push --repo=ext::x',
    'git ls-remote --upl x y',
    'git push --receive-pack=x',
    'git push --exec x',
    'git rebase --exec x',
    'git clone -c core.sshCommand=x y',
    'git clone --config core.sshCommand=x y',
    'git clone -u x y',
    'git init --template=x',
    'git grep -Ox y',
  ],
  'has git write a file': ['git log --output=x', 'git diff --output x'],
  'names a program to run': [
    'npm test --script-shell=./x',
    'cargo test --config x',
    'go test -exec ./x',
    'go build --toolexec=./x',
    'kubectl get pods --kubeconfig=x',
    'gradle test -I x',
    'rg --pre ./x y',
    'sort --compress-program=./x y',
  ],
  'changes rights of a whole directory': ['chmod -R 777 x', 'chown --recursive a b'],
  'writes to disks': ['dd if=a of=b', 'mkfs.ext4 /x', 'fdisk x'],
  'changes what runs on this machine on its own': ['crontab -e', 'systemctl stop x'],
  'ends every process': ['kill -9 -1', 'kill -KILL -- -1'],
  'gives a container this machine': [
    'docker run --privileged x',
    'docker run -v /:/h x',
    'podman run -v/:/h x',
    'docker run --mount type=bind,src=/,dst=/h x',
  ],
  'publishes a package': ['npm publish', 'npm --tag x publish', 'cargo publish', 'twine upload x'],
  'changes releases': ['gh release create v1'],
  'deletes in a cluster': ['kubectl delete pod x', 'kubectl -n a delete pod x'],
  'changes infrastructure': ['terraform destroy', 'terraform -chdir=x apply', 'tofu apply'],
  'deletes from a database': [
    'psql -c "DROP TABLE x"',
    `mysql -e 'drop  database x'`,
    'echo "truncate table x" | psql',
  ],
  'sends a file away': [
    'curl -d @f u',
    'curl -d@f u',
    'curl -F x=@f u',
    'curl -sT f u',
    'curl --data-binary @f u',
    'curl --data=@f u',
    'wget --post-file=x u',
  ],
  'sends files to other machines': ['scp a b:c', 'rsync -a x host:y'],
  'runs code that is not written here': ['eval x', 'exec x', 'source x', '. x'],
  'decodes text that cannot be read here': ['base64 -d x', 'base64 --decode x', 'echo x | base64 -D', 'xxd -r x'],
  'runs code that it is given as text': [
    'bash -c x',
    'bash -lc x',
    'sh -xc y',
    'python3 -c x',
    'python3.12 -Ic x',
    'node -e x',
    'node --eval=x',
    'node -p x',
    'bun -e x',
    'perl -pe x',
    'ruby -e x',
    'php -r x',
    'env node -e x',
    'deno eval x',
    'ssh h bash -c x',
  ],
  'opens a port': ['nc -l 80', 'ncat -lvp 80', 'python3 -m http.server', 'socat TCP-LISTEN:1 x', 'php -S x'],
  'runs a command that is not written out': [
    '$X y',
    '$(echo rm) x',
    '`a` b',
    '"$X" y',
    '/bin/r? x',
    '{rm,-rf,x}',
    `$'\\x72m' -rf x`,
    'a; $B',
  ],
  'changes how programs run': ['PATH=. ls', 'LD_PRELOAD=x ls', 'A=1 NODE_OPTIONS=x node y'],
  'touches system settings': [
    'echo x > /etc/hosts',
    'echo x>>/etc/hosts',
    'cp a //etc/b',
    'cp a /tmp/../etc/b',
    'tee --x=/etc/y',
  ],
  'touches keys and passwords': [
    'cat ~/.ssh/id_rsa',
    'cp a $HOME/.ssh/authorized_keys',
    'cat .npmrc',
    'head ~/.aws/credentials',
    'cat .env',
    'cat app/.env.local',
    'cat .env*',
    'cat .envrc',
    'cat keys/id_ed25519',
  ],
  "touches the shell's start-up files": ['echo x >> ~/.bashrc', 'cd ~ && tee -a .zshrc'],
  "touches git's hooks and settings": ['cp x .git/hooks/pre-commit', 'tee .git/config'],
  "touches the agent's own settings": [
    'cat x > .claude/settings.json',
    'cp x .claude/settings.local.json',
    'cp x .mcp.json',
  ],
};

describe('a dangerous command', () => {
  for (const [reason, commands] of Object.entries(DANGEROUS)) {
    test(`is one that ${reason}`, () => {
      for (const command of commands) expect([command, ofCommand(command)]).toEqual([command, reason]);
    });
  }

  test('is found behind quotes, backslashes, keywords, redirections and other commands', () => {
    for (const hidden of [
      '\\rm -rf x',
      `r''m -rf x`,
      `'rm' -rf x`,
      'r\\m -rf x',
      `$'rm' -rf x`,
      'r\\\nm -rf x',
      'if rm -rf x; then y; fi',
      '2>/dev/null rm -rf x',
      'A=1 rm -rf x',
      'echo "$(rm -rf x)"',
      'a && (b; rm -rf x)',
      'a <(rm -rf x)',
      `# it's\nrm -rf x`,
      `cat <<E\nit's\nE\nrm -rf x`,
      'f() { rm -rf x; }; f',
      'ls & rm -rf x',
    ]) {
      expect([hidden, ofCommand(hidden)]).toEqual([hidden, 'deletes files for good']);
    }
  });

  test('stays dangerous whatever other commands it stands among', () => {
    const dangerous = fc.constantFrom(
      ...Object.values(DANGEROUS)
        .flat()
        .filter((command) => !command.includes('\n')),
    );
    const harmless = fc.constantFrom('ls', 'npm test', 'cd x', `echo 'a b'`, 'git status');
    const operator = fc.constantFrom(' && ', '; ', ' || ', ' & ', '\n');
    fc.assert(
      fc.property(harmless, operator, dangerous, operator, harmless, (a, first, command, second, b) => {
        expect(ofCommand(`${a}${first}${command}${second}${b}`)).toBeString();
      }),
    );
  });

  test('is any that is too long to look at, and judging it takes no long time', () => {
    expect(ofCommand(`ls ${'x'.repeat(100_000)}`)).toBe('a very long command');
    expect(ofCommand(`env ${'find '.repeat(5000)}`)).toBe('a very long command');
  });
});

test('an ordinary command is not dangerous', () => {
  for (const command of [
    'ls -la',
    'rm x',
    'npm test',
    'npm run build && npm test',
    'git push',
    'git push -u origin x',
    'git switch -c new',
    'git commit -c HEAD',
    'git commit -m "rm -rf x; sudo y"',
    'git reset x',
    'git clean -n',
    'git config user.name x',
    'grep "a|sh" f',
    `grep -E 'foo|node' f`,
    'chmod +x f',
    'kill -9 33',
    'kill -1 33',
    'docker run -v /src:/src x',
    'terraform plan',
    'kubectl get pods',
    'curl https://x',
    'curl -d a=b u',
    'curl -H "a: b@c" u',
    'python3 x.py',
    'node x.js',
    'bash script.sh',
    'bash -x script.sh',
    'base64 x',
    'nc -zv h 80',
    '[ -f x ] && cat x',
    'A=1 ls',
    'ls 2>&1 | head',
    'find . -name x',
    'make build',
    'psql -c "select 1"',
    'cat .claude/plans/x.md',
    'ls > /dev/null',
    'cat .env.example',
    'cat src/environment.ts',
    'git log --oneline',
    'git fetch --update-shallow',
    'git stash -u',
    'npm test -- --config x',
  ])
    expect([command, ofCommand(command)]).toEqual([command, undefined]);
});

describe('a call of another tool', () => {
  test('is dangerous when its file decides what runs, who logs in or what is asked', () => {
    const files: Readonly<Record<string, string>> = {
      '/etc/hosts': 'touches system settings',
      '/private/etc/hosts': 'touches system settings',
      '/usr/local/bin/x': 'touches system files',
      '../../../etc/hosts': 'touches system settings',
      '~/.bashrc': "touches the shell's start-up files",
      '/home/dev/.ZSHRC': "touches the shell's start-up files",
      '.git/hooks/pre-push': "touches git's hooks and settings",
      '/home/dev/shop/.claude/settings.local.json': "touches the agent's own settings",
      '/home/dev/.config/claude-slack-hook/config.json': "touches the agent's own settings",
    };
    for (const [file, reason] of Object.entries(files)) {
      for (const tool of ['Write', 'Edit', 'Read'])
        expect(dangerOf(call(tool, { file_path: file }), false)).toBe(reason);
      expect(dangerOf(call('NotebookEdit', { notebook_path: file }), false)).toBe(reason);
    }
    expect(dangerOf(call('Write', { file_path: 'src/etc/x.ts', content: 'rm -rf /etc' }), false)).toBeUndefined();
  });

  test('is dangerous when a symbolic link leads there', () => {
    const directory = mkdtempSync(join(tmpdir(), 'danger-'));
    try {
      symlinkSync('/etc', join(directory, 'notes'));
      expect(dangerOf(call('Write', { file_path: 'notes/hosts' }, directory), false)).toBe('touches system settings');
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  test("is judged by its texts when the tool is somebody else's", () => {
    expect(dangerOf(call('mcp__db__query', { sql: 'DROP TABLE users' }), false)).toBe('deletes from a database');
    expect(dangerOf(call('mcp__fs__write', { target: '/etc/hosts' }), false)).toBe('touches system settings');
    expect(dangerOf(call('mcp__db__query', { sql: 'SELECT 1' }), false)).toBeUndefined();
    expect(dangerOf(call('PowerShell', { command: 'sudo x' }), false)).toBe('runs with other rights');
  });

  test('is dangerous when a plan or a question is what it is about', () => {
    expect(dangerOf(fixture('claude-code/PermissionRequest.ExitPlanMode.json'), false)).toBe(
      'a plan is approved by itself',
    );
    expect(dangerOf(fixture('claude-code/PermissionRequest.AskUserQuestion.json'), false)).toBe(
      'a question needs an answer of its own',
    );
  });
});

test('a call with characters that may deceive is dangerous, whatever it is', () => {
  expect(dangerOf(call('Bash', { command: 'ls' }), true)).toBe('characters that may deceive');
  expect(dangerOf(call('WebSearch', { query: 'x' }), true)).toBe('characters that may deceive');
});

test('the recorded ordinary calls may go into a bundle', () => {
  for (const folder of ['claude-code', 'claude-code-2.1.329'])
    for (const name of [
      'Bash',
      'Bash.in-subagent',
      'Edit',
      'Write',
      'WebFetch',
      'WebSearch',
      'mcp__inventory__adjust_stock',
    ])
      expect(dangerOf(fixture(`${folder}/PermissionRequest.${name}.json`), false)).toBeUndefined();
});

describe('a program that runs others', () => {
  test('is known by the last part of its path, in any case, with a version', () => {
    for (const command of [
      'sudo ls',
      '/usr/bin/env x',
      './node_modules/.bin/tsx x',
      'BASH x',
      'python3.12 x',
      'pypy3 x',
      'node20 x',
      'npx x',
      'bunx x',
      'uvx x',
      'find .',
      'xargs',
      'awk x',
      'sed -i x',
      'make x',
      'tee x',
      'ssh h',
      'timeout 3 x',
      'node.exe x',
    ])
      expect([command, isInterpreterOrWrapper(command.split(' '))]).toEqual([command, true]);
  });

  test('may be one by its subcommand or by an option before it', () => {
    for (const command of [
      'npm exec x',
      'npm x y',
      'yarn dlx x',
      'pnpm dlx x',
      'docker run x',
      'docker exec x',
      'kubectl exec x',
      'git -c core.pager=x log',
      'git --exec-path=x y',
      'npm --prefix x test',
      'go run x',
      'cargo run',
    ])
      expect([command, isInterpreterOrWrapper(command.split(' '))]).toEqual([command, true]);
    for (const command of ['npm test', 'git status', 'docker ps', 'ls -c', 'cat', ''])
      expect([command, isInterpreterOrWrapper(command.split(' '))]).toEqual([command, false]);
    expect(isInterpreterOrWrapper([])).toBe(false);
  });
});
