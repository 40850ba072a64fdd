"""Tencent Cloud's signed JSON APIs: TKE, CFS, TCR, TSE, VPC, CVM and STS on one port."""
