/// How tools write archives in 2026, form by form: names, order, directories, links, headers, lists, media types.
///
/// Each is a few lines of Python behind ``MadeArchive``'s makers, which write `a.tar`, or another name that begins with `a`,
/// and print what has to arrive: `NAME DIGEST` for an image whose manifest is there, `NAME config DIGEST` for one that
/// the tool kept no manifest of.
struct ToolForm: CustomStringConvertible {
  let description: String
  let file: String
  /// What an import is told besides.
  let options: [String]
  let script: String
  /// What verify has to say.
  let says: String

  init(
    _ description: String, file: String = "a.tar", options: [String] = [], says: String = "",
    _ script: String
  ) {
    self.description = description
    self.file = file
    self.options = options
    self.script = script
    self.says = says
  }

  static let makers = #"""
    import os, subprocess
    NAME, REF, CREATED = 'io.containerd.image.name', 'org.opencontainers.image.ref.name', 'org.opencontainers.image.created'
    LAYOUT = b'{"imageLayoutVersion":"1.0.0"}'
    DLAYER = DOCKER + 'image.rootfs.diff.tar.gzip'
    def hexa(b): return hashlib.sha256(b).hexdigest()

    # Entries in the order given: bytes are a file, None a directory, (kind, target) a link. A tool's own headers are in `head`.
    def packed(entries, format=tarfile.USTAR_FORMAT, **head):
      out = io.BytesIO()
      with tarfile.open(fileobj=out, mode='w', format=format) as t:
        for name, content in entries:
          e = tarfile.TarInfo(name); e.mode = 0o644
          for key, value in head.items(): setattr(e, key, value)
          if content is None: e.type, e.mode = tarfile.DIRTYPE, 0o755
          elif isinstance(content, tuple):
            e.type, e.linkname = {'sym': tarfile.SYMTYPE, 'hard': tarfile.LNKTYPE}[content[0]], content[1]
          else: e.size = len(content)
          t.addfile(e, io.BytesIO(content) if isinstance(content, bytes) else None)
      return out.getvalue()
    def save(data, path='a.tar'): open(path, 'wb').write(data)
    def unpacked(entries, path='a'):
      for name, content in entries:
        place = os.path.join(path, name)
        if content is None: os.makedirs(place, exist_ok=True); continue
        os.makedirs(os.path.dirname(place), exist_ok=True); open(place, 'wb').write(content)
    def zstd(b): return subprocess.run(['zstd', '-c'], input=b, capture_output=True, check=True).stdout
    def arrives(name, image): print(name, digest(image.manifest if isinstance(image, Image) else image))
    def arrives_anew(name, image): print(name, 'config', digest(image.config))

    # With Docker's types, as registries mostly have it.
    def docker(seed, **more):
      def change(d):
        d['mediaType'], d['config']['mediaType'] = DOCKER + 'distribution.manifest.v2+json', DOCKER + 'container.image.v1+json'
        for l in d['layers']: l['mediaType'] = DLAYER
      return Image(seed, change=change, **more)
    # Of an uncompressed base that another image has, and a layer of its own.
    def above(base, seed): return Image(seed, kind='layer.v1.tar', zip=False, plain=[base.plain[0], tar([(seed, seed.encode() * 300)])])
    def unzstd(image):
      image.layers = [zstd(p) for p in image.plain]
      image.document['layers'] = [of(l, OCI + 'layer.v1.tar+zstd') for l in image.layers]
      image.manifest = text(image.document); image.blobs = [image.manifest, image.config, *image.layers]
      return image

    def listing(entries): return text({'schemaVersion': 2, 'mediaType': INDEX, 'manifests': entries})
    def hub(name): return {NAME: 'docker.io/library/' + name, REF: name.rpartition(':')[2]}
    def old(name): return {NAME: 'old.example/team/' + name, REF: name.rpartition(':')[2]}
    def content(*parts): return sorted({blob(b): b for b in parts}.items())
    FOLDERS = [('blobs/', None), ('blobs/sha256/', None)]
    # docker and containerd: directories, blobs by name, then what describes them.
    def stored(parts, entries, listed=None, legacy=None):
      files = FOLDERS + content(*parts) + [('index.json', listing(entries))]
      if listed is not None: files.append(('manifest.json', text(listed)))
      files.append(('oci-layout', LAYOUT))
      if legacy: files.append(('repositories', text(legacy) + b'\n'))
      return files
    def sources(image): return {digest(l): of(l, OCI + 'layer.v1.tar') for l in image.layers}
    # docker's own store has a config of version 1 for each layer beside the blobs.
    def spare(image): return [text({'id': hexa(l), 'created': '1970-01-01T00:00:00Z', 'os': 'linux'}) for l in image.layers]
    # ggcr's tarball, which crane, ko, kaniko and apko write: config and compressed layers by their digests.
    def ggcr(images):
      files, seen = [], set()
      for image, names in images:
        files.append(('sha256:' + hexa(image.config), image.config))
        for l in image.layers:
          if l not in seen: files.append((hexa(l) + '.tar.gz', l)); seen.add(l)
      return files + [('manifest.json', text([{'Config': 'sha256:' + hexa(i.config), 'RepoTags': names,
        'Layers': [hexa(l) + '.tar.gz' for l in i.layers]} for i, names in images]))]
    # A folder for each layer, as docker had it before version 25.
    def folders(ids, layers, top='', directories=True):
      files = []
      for id, l in zip(ids, layers):
        if directories: files.append((top + id + '/', None))
        files += [(top + id + '/VERSION', b'1.0'), (top + id + '/json', text({'id': id})), (top + id + '/layer.tar', l)]
      return files
    IDS = [hexa(b'1'), hexa(b'2')]
    def classic(image, name, join='/', top='', directories=True, more=[]):
      config = hexa(image.config) + '.json'
      return folders(IDS, image.plain, top, directories) + [(top + config, image.config)] + more + [
        (top + 'manifest.json', text([{'Config': config, 'RepoTags': [name], 'Layers': [id + join + 'layer.tar' for id in IDS]}])),
        (top + 'repositories', text({name.rpartition(':')[0]: {name.rpartition(':')[2]: IDS[1]}}))]

    """#

  static let all: [ToolForm] = docker + buildx + builders + carriers
}

// MARK: docker

extension ToolForm {
  private static let docker: [ToolForm] = [
    ToolForm(
      "docker 26 and later, its own store",
      """
      i = plain('one')
      files = stored([*i.blobs, *spare(i)], [i.entry(annotations=hub('one:1'), platform=i.platform)],
        [i.listed(['one:1'], LayerSources=sources(i))], {'one': {'1': hexa(i.layers[1])}})
      save(packed(files, tarfile.PAX_FORMAT, mtime=1700000000.5, uname='root', gname='root')); arrives('one:1', i)
      """),
    ToolForm(
      "docker 26 and later, its own store, several images and names",
      """
      i = plain('one'); j = above(i, 'two')
      files = stored([*i.blobs, *j.blobs, *spare(i)],
        [i.entry(annotations=hub('one:1')), i.entry(annotations=hub('one:latest')),
          j.entry(annotations={NAME: 'quay.io/b/two:2', REF: '2'})],
        [i.listed(['one:1', 'one:latest'], LayerSources=sources(i)), j.listed(['quay.io/b/two:2'], LayerSources=sources(j))],
        {'one': {'1': hexa(i.layers[1]), 'latest': hexa(i.layers[1])}, 'quay.io/b/two': {'2': hexa(j.layers[1])}})
      save(packed(files, tarfile.PAX_FORMAT)); arrives('one:1', i); arrives('one:latest', i); arrives('two:2', j)
      """),
    ToolForm(
      "docker 26 and later, its own store, by ID", options: ["--as", "given:1"],
      """
      i = plain('one')
      save(packed(stored([*i.blobs, *spare(i)], [], [i.listed(None, LayerSources=sources(i))]), tarfile.PAX_FORMAT))
      arrives('given:1', i)
      """),
    ToolForm(
      "docker with containerd's store, one platform of several", options: ["--platform", "linux/amd64"],
      says: "not here",
      """
      a, b = Image('a'), Image('b', arch='arm64'); at, more = attestation(a); n = index([a.child(), b.child(), at])
      named = {**hub('x:1'), 'containerd.io/distribution.source.docker.io': 'library/x'}
      save(packed(stored([n, *a.blobs, *more], [of(n, INDEX, annotations=named)], [a.listed(['x:1'])]))); arrives('x:1', a)
      """),
    ToolForm(
      "docker with containerd's store, several images",
      """
      a, b = Image('a'), docker('b')
      save(packed(stored([*a.blobs, *b.blobs], [a.entry(annotations=hub('a:1')), b.entry(annotations=hub('b:1'))],
        [a.listed(['a:1']), b.listed(['b:1'])]))); arrives('a:1', a); arrives('b:1', b)
      """),
    ToolForm(
      "docker with containerd's store, by digest",
      """
      a = Image('a'); name = 'docker.io/library/x@' + digest(a.manifest)
      save(packed(stored(a.blobs, [a.entry(annotations={NAME: name})], [a.listed(None)]))); arrives('x@', a)
      """),
    ToolForm(
      "docker with containerd's store, by ID", options: ["--as", "given:1"],
      """
      a = Image('a'); save(packed(stored(a.blobs, [a.entry()], [a.listed(None)]))); arrives('given:1', a)
      """),
    ToolForm(
      "docker before 25 on Windows, with its slashes in the list",
      #"""
      i = Image('win', os='windows', kind='layer.v1.tar', zip=False)
      save(packed(classic(i, 'old.example/team/win:1', join='\\'))); arrives_anew('win:1', i)
      """#),
    ToolForm(
      "docker 26 and later on Windows, with a base that others have", says: "left out",
      """
      i = Image('win', os='windows', kind='layer.v1.tar', zip=False)
      base = {'mediaType': DOCKER + 'image.rootfs.foreign.diff.tar.gzip', 'digest': digest(b'far away'), 'size': 92818888,
        'urls': ['https://mcr.example/base']}
      i.document['layers'][0] = base; i.manifest = text(i.document)
      save(packed(stored([i.manifest, i.config, *i.layers], [i.entry(annotations=hub('win:1'))],
        [i.listed(['win:1'], LayerSources={**sources(i), digest(i.layers[0]): base})]))); arrives('win:1', i)
      """),
    ToolForm(
      "podman save -m",
      """
      i = plain('i'); j = above(i, 'j'); files, seen, listed, tags = [], set(), [], {}
      for x, name in [(i, 'i'), (j, 'j')]:
        for l in x.layers:
          if l not in seen: files.append((hexa(l) + '.tar', l)); seen.add(l)
          id = hexa(l + x.config)
          files += [(id + '/VERSION', b'1.0'), (id + '/layer.tar', ('sym', '../' + hexa(l) + '.tar')), (id + '/json', b'{}')]
        files.append((hexa(x.config) + '.json', x.config)); tags['old.example/team/' + name] = {'1': id}
        listed.append({'Config': hexa(x.config) + '.json', 'RepoTags': ['old.example/team/' + name + ':1'],
          'Layers': [hexa(l) + '.tar' for l in x.layers]})
      save(packed(files + [('repositories', text(tags)), ('manifest.json', text(listed))]))
      arrives_anew('i:1', i); arrives_anew('j:1', j)
      """),
  ]
}

// MARK: What builds images

extension ToolForm {
  private static let buildx: [ToolForm] = [
    ToolForm(
      "buildx type=docker",
      """
      a = docker('a'); named = {**hub('x:1'), CREATED: '2026-01-01T00:00:00Z'}
      save(packed(stored(a.blobs, [a.entry(annotations=named)], [a.listed(['docker.io/library/x:1'])]))); arrives('x:1', a)
      """),
    ToolForm(
      "buildx type=oci, with attestations and zstd",
      """
      a, b = unzstd(Image('a')), unzstd(Image('b', arch='arm64')); (x, more), (y, less) = attestation(a), attestation(b)
      n = index([a.child(), b.child(), x, y]); named = {**hub('x:1'), CREATED: '2026-01-01T00:00:00Z'}
      save(packed(stored([n, *a.blobs, *b.blobs, *more, *less], [of(n, INDEX, annotations=named)]))); arrives('x:1', n)
      """),
    ToolForm(
      "buildx type=oci, several names",
      """
      a = Image('a')
      save(packed(stored(a.blobs, [a.entry(annotations={**hub(n), CREATED: '2026-01-01T00:00:00Z'}) for n in ['x:1', 'x:2']])))
      arrives('x:1', a); arrives('x:2', a)
      """),
    ToolForm(
      "buildx type=oci,tar=false without a name, rewriting times", file: "a", options: ["--as", "given:1"],
      """
      a = Image('a'); unpacked([('ingest', None)] + stored(a.blobs, [a.entry(annotations={CREATED: '1970-01-01T00:00:00Z'})]))
      arrives('given:1', a)
      """),
  ]

  private static let builders: [ToolForm] = [
    ToolForm(
      "kaniko --tar-path, ko --tarball",
      "i = docker('i'); save(packed(ggcr([(i, ['old.example/team/k:1', 'old.example/team/k:latest'])]))); arrives_anew('k:1', i); arrives_anew('k:latest', i)"
    ),
    ToolForm(
      "ko --oci-layout-path", file: "a", options: ["--as", "given:1"],
      """
      a, b = Image('a'), Image('b', arch='arm64'); n = index([a.child(), b.child()])
      unpacked(content(*a.blobs, *b.blobs) + [('index.json', n), ('oci-layout', LAYOUT)]); arrives('given:1', n)
      """),
    ToolForm(
      "apko build, of one architecture",
      """
      a = Image('a')
      save(packed(ggcr([(a, ['old.example/team/k:1-amd64'])]) + [(digest(a.manifest), a.manifest), ('index.json', index([a.child()]))]))
      arrives('k:1-amd64', a)
      """),
    ToolForm(
      "apko build, of several architectures, of which each has its name", options: ["--image", "*/k:*"],
      """
      a, b = Image('a'), Image('b', arch='arm64')
      save(packed(ggcr([(a, ['old.example/team/k:1-amd64']), (b, ['old.example/team/k:1-arm64'])])
        + [(digest(i.manifest), i.manifest) for i in [a, b]] + [('index.json', index([a.child(), b.child()]))]))
      arrives('k:1-amd64', a); arrives('k:1-arm64', b)
      """),
    ToolForm(
      "jib, for docker",
      """
      i = docker('i')
      save(packed([(hexa(l) + '.tar.gz', l) for l in i.layers] + [('config.json', i.config), ('manifest.json', text([{
        'Config': 'config.json', 'RepoTags': ['old.example/team/k:1', 'old.example/team/k:2'],
        'Layers': [hexa(l) + '.tar.gz' for l in i.layers]}]))])); arrives_anew('k:1', i); arrives_anew('k:2', i)
      """),
    ToolForm(
      "jib, as OCI",
      """
      i = Image('i')
      save(packed([(blob(b), b) for b in [*i.layers, i.config, i.manifest]] + [('oci-layout', b'{"imageLayoutVersion": "1.0.0"}'),
        ('index.json', text({'schemaVersion': 2, 'manifests': [i.entry(annotations={REF: 'old.example/team/k:1'})]}))]))
      arrives('k:1', i)
      """),
    ToolForm(
      "nix, dockerTools.streamLayeredImage",
      """
      i = plain('i'); named = [{'Config': hexa(i.config) + '.json', 'RepoTags': ['k:1'], 'Layers': [hexa(l) + '/layer.tar' for l in i.layers]}]
      save(packed([(hexa(l) + '/layer.tar', l) for l in i.layers] + [(hexa(i.config) + '.json', i.config),
        ('manifest.json', json.dumps(named, indent=4).encode())], tarfile.PAX_FORMAT, mtime=1)); arrives_anew('k:1', i)
      """),
    ToolForm(
      "nix, dockerTools.buildImage", file: "a.tar.gz",
      """
      i = plain('i')
      save(gzip.compress(packed([('./', None)] + classic(i, 'k:1', top='./'), tarfile.GNU_FORMAT, mtime=1), mtime=0), 'a.tar.gz')
      arrives_anew('k:1', i)
      """),
    ToolForm(
      "bazel, rules_oci for docker",
      """
      i = Image('i'); layers = [blob(l) + '.tar.gz' for l in i.layers]
      save(packed([('manifest.json', text([{'Config': blob(i.config), 'RepoTags': ['old.example/team/k:1'], 'Layers': layers}]))]
        + FOLDERS + [(blob(i.config), i.config), *zip(layers, i.layers)])); arrives_anew('k:1', i)
      """),
    ToolForm(
      "bazel, rules_oci for docker, without a name", options: ["--as", "given:1"],
      """
      i = Image('i'); layers = [blob(l) + '.tar.gz' for l in i.layers]
      save(packed([(blob(i.config), i.config), *zip(layers, i.layers), ('manifest.json', text([{
        'Config': blob(i.config), 'RepoTags': [], 'Layers': layers}]))])); arrives_anew('given:1', i)
      """),
    ToolForm(
      "bazel, rules_oci as OCI",
      """
      a, b = Image('a'), Image('b', arch='arm64'); n = index([a.child(), b.child()])
      save(packed([(blob(x), x) for x in [n, *a.blobs, *b.blobs]] + [('oci-layout', b'{"imageLayoutVersion": "1.0.0"}'),
        ('index.json', listing([of(n, INDEX, annotations={NAME: 'old.example/team/k:1', REF: 'old.example/team/k:1'})]))]))
      arrives('k:1', n)
      """),
    ToolForm(
      "bazel, rules_docker",
      """
      i = plain('i')
      save(packed([('./', None)] + classic(i, 'bazel/k:1', more=[('top', IDS[1].encode())]), tarfile.GNU_FORMAT)); arrives_anew('k:1', i)
      """),
  ]

  // MARK: What carries images

  private static let carriers: [ToolForm] = [
    ToolForm(
      "crane pull, several, of which one by digest",
      """
      i, j = docker('i'), docker('j')
      save(packed(ggcr([(i, ['old.example/team/k:1']), (j, ['old.example/team/k:i-was-a-digest'])])))
      arrives_anew('k:1', i); arrives_anew('k:i-was-a-digest', j)
      """),
    ToolForm(
      "crane pull --format=legacy",
      "i = docker('i'); save(packed(classic(i, 'old.example/team/k:1', directories=False))); arrives_anew('k:1', i)"
    ),
    ToolForm(
      "crane pull --format=oci --annotate-ref", file: "a",
      """
      i, j = docker('i'), Image('j')
      unpacked(content(*i.blobs, *j.blobs) + [('index.json', listing([i.entry(annotations={REF: 'old.example/team/k:1'}),
        j.entry(annotations={REF: 'old.example/team/k:2'})])), ('oci-layout', LAYOUT)]); arrives('k:1', i); arrives('k:2', j)
      """),
    ToolForm(
      "oras backup, of an index", options: ["--as", "given"],
      """
      i = Image('i'); n = index([i.child()])
      save(packed(content(n, *i.blobs) + [('index.json', text({'schemaVersion': 2, 'manifests': [
        of(n, INDEX, annotations={REF: 'v1'}), i.child()]})), ('oci-layout', LAYOUT)])); arrives('given:v1', n)
      """),
    ToolForm(
      "oras cp --to-oci-layout", file: "a", options: ["--as", "given"],
      """
      i, j = Image('i'), docker('j')
      unpacked([('ingest', None)] + content(*i.blobs, *j.blobs) + [('index.json', text({'schemaVersion': 2, 'manifests': [
        i.entry(annotations={REF: 'v1'}), j.entry(annotations={REF: 'v2'})]})), ('oci-layout', LAYOUT)])
      arrives('given:v1', i); arrives('given:v2', j)
      """),
    ToolForm(
      "regctl image export",
      """
      i = docker('i')
      save(packed([('oci-layout', LAYOUT), ('index.json', listing([i.entry(annotations=old('k:1'))])), ('manifest.json', text([
        i.listed(['old.example/team/k:1'], LayerSources={digest(l): of(l, DLAYER) for l in i.layers})])),
        ('blobs', None), ('blobs/sha256', None)] + [(blob(b), b) for b in i.blobs])); arrives('k:1', i)
      """),
    ToolForm(
      "regctl image export --compress, of an index", file: "a.tar.gz",
      """
      a, b = Image('a'), Image('b', arch='arm64'); n = index([a.child(), b.child()])
      save(gzip.compress(packed([('oci-layout', LAYOUT), ('index.json', listing([of(n, INDEX, annotations=old('k:1'))])),
        ('blobs', None), ('blobs/sha256', None)] + [(blob(x), x) for x in [n, *a.blobs, *b.blobs]]), mtime=0), 'a.tar.gz')
      arrives('k:1', n)
      """),
    ToolForm(
      "hauler store save", file: "a.tar.zst",
      """
      i, s = Image('i'), Image('s')
      def kind(name): return {NAME: 'old.example/team/k:1', REF: 'team/k:1', 'kind': 'dev.hauler/' + name}
      save(zstd(packed(content(*i.blobs, *s.blobs) + [('index.json', listing([i.entry(annotations=kind('image')),
        s.entry(annotations=kind('sigs'))])), ('manifest.json', text([i.listed(['old.example/team/k:1'])])),
        ('oci-layout', LAYOUT)])), 'a.tar.zst')
      arrives('k:1', i); arrives('k:sha256-' + hexa(i.manifest) + '.sig', s)
      """),
    ToolForm(
      "hauler's store, as it lies there", file: "a",
      """
      i = Image('i'); named = {NAME: 'old.example/team/k:1', REF: 'team/k:1', 'kind': 'dev.cosignproject.cosign/image'}
      unpacked(content(*i.blobs) + [('index.json', listing([i.entry(annotations=named)]))]); arrives('k:1', i)
      """),
    ToolForm(
      "cosign save", file: "a", options: ["--as", "given:1"],
      """
      i, s, t = Image('i'), Image('s'), Image('t')
      def kind(name): return {'kind': 'dev.cosignproject.cosign/' + name}
      unpacked(content(*i.blobs, *s.blobs, *t.blobs) + [('index.json', listing([i.entry(annotations=kind('image')),
        s.entry(annotations=kind('sigs')), t.entry(annotations=kind('atts'))])), ('oci-layout', LAYOUT)])
      arrives('given:1', i); arrives('given:sha256-' + hexa(i.manifest) + '.sig', s)
      arrives('given:sha256-' + hexa(i.manifest) + '.att', t)
      """),
    ToolForm(
      "ctr images export, several",
      """
      a, b = Image('a'), docker('b')
      save(packed(stored([*a.blobs, *b.blobs], [a.entry(annotations=old('a:1')), b.entry(annotations=old('b:1'))],
        [a.listed(['old.example/team/a:1']), b.listed(['old.example/team/b:1'])]))); arrives('a:1', a); arrives('b:1', b)
      """),
  ]
}
