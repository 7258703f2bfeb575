/// What lies beside the program that `--with-ferry` sends along: for somebody who has a disk in hand and no network.
enum EnclosedReadme {
  static func text(name: String, architecture: String) -> String {
    """
    \(name) is Ferry itself, for any Linux on \(architecture): one file, nothing to install.
    It came with the archives beside it. Where they arrive (the first where ARCHIVE.sha256 came along, by a way you trust):
      sha256sum -c ARCHIVE.sha256
      chmod +x \(name)
      ./\(name) verify ARCHIVE                 proves every byte, without a network
      ./\(name) import ARCHIVE --to HOST/ORG --api-key-file new.key
    To be read there: ./\(name) help import, help environment, help files, help exit-status
    中文：\(name) 就是 Ferry 程序本身，适用于任何 Linux（\(architecture)），无需安装。
    它与旁边的归档文件一起到达；先按上面的命令核对校验和（如果附有 ARCHIVE.sha256）并加上执行权限，再运行：
      verify 校验归档的每一个字节，不需要网络；import 再次校验并推送到新的镜像仓库。
    退出状态码 0 表示全部完成；其他状态码见 ./\(name) help exit-status（英文）。

    """
  }
}
